// ISO 4217's list one (currencies and funds with a minor unit), as amended to 2025; BGN stays for amounts of the past.
#include "schemas/money.hpp"

namespace schema
{
namespace
{
// Codes by their decimals, each list in alphabetical order.
constexpr std::string_view without_decimals = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";
constexpr std::string_view with_two =
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF "
    "CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ "
    "GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD "
    "MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON "
    "RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS "
    "UAH USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG";
constexpr std::string_view with_three = "BHD IQD JOD KWD LYD OMR TND";
constexpr std::string_view with_four = "CLF UYW";

// A code stands at every fourth place.
bool holds(std::string_view list, std::string_view code)
{
    std::size_t low = 0;
    std::size_t high = (list.size() + 1) / 4;
    while (low < high)
    {
        const std::size_t middle = (low + high) / 2;
        const auto here = list.substr(middle * 4, 3);
        if (here == code)
            return true;
        (here < code ? low : high) = here < code ? middle + 1 : middle;
    }
    return false;
}
}  // namespace

std::optional<int> currency_exponent(std::string_view code)
{
    if (code.size() != 3)
        return std::nullopt;
    if (holds(with_two, code))
        return 2;
    if (holds(without_decimals, code))
        return 0;
    if (holds(with_three, code))
        return 3;
    if (holds(with_four, code))
        return 4;
    return std::nullopt;
}
}  // namespace schema
