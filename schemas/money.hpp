// An amount in the currency's minor unit (cents for EUR, yen for JPY) and its ISO 4217 code.
//
// Never a floating number; amounts of two currencies are never added. The table of known codes and exponents is
// ISO 4217's list of active currencies.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace schema
{
struct money
{
    std::int64_t amount_minor = 0;
    std::string currency;  // three upper-case letters of a known currency
    friend auto operator<=>(const money&, const money&) = default;
};

// Decimals of a known currency, nothing for an unknown code.
std::optional<int> currency_exponent(std::string_view code);
}  // namespace schema
