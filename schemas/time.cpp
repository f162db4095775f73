#include "schemas/time.hpp"

#include "schemas/assertion.hpp"

#include <array>
#include <chrono>
#include <cstring>

namespace schema
{
namespace
{
constexpr std::int64_t second_us = 1'000'000;
constexpr std::int64_t day_us = 86'400 * second_us;

// A cursor over a text of fixed shape; `fine` turns false at the first thing that is not as expected.
struct scan
{
    std::string_view rest;
    bool fine = true;

    char take()
    {
        if (rest.empty())
        {
            fine = false;
            return '\0';
        }
        const char c = rest.front();
        rest.remove_prefix(1);
        return c;
    }
    void expect(char c) { fine = take() == c && fine; }
    int number(int digits)
    {
        int value = 0;
        for (int i = 0; i < digits; ++i)
        {
            const char c = take();
            fine = fine && c >= '0' && c <= '9';
            value = value * 10 + (c - '0');
        }
        return fine ? value : 0;
    }
    int number_up_to(int digits, int max)
    {
        const int value = number(digits);
        fine = fine && value <= max;
        return value;
    }
};

std::int32_t scan_day(scan& in)
{
    const int year = in.number(4);
    in.expect('-');
    const int month = in.number(2);
    in.expect('-');
    const int date = in.number(2);
    const std::chrono::year_month_day given{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                            std::chrono::day{static_cast<unsigned>(date)}};
    in.fine = in.fine && year >= 1 && given.ok();
    if (!in.fine)
        return 0;
    return static_cast<std::int32_t>(std::chrono::sys_days{given}.time_since_epoch().count());
}

std::int64_t scan_fraction_us(scan& in)
{
    if (in.rest.empty() || in.rest.front() != '.')
        return 0;
    in.take();
    std::int64_t value = 0;
    int digits = 0;
    for (; !in.rest.empty() && in.rest.front() >= '0' && in.rest.front() <= '9'; ++digits)
        value = digits < 6 ? value * 10 + in.number(1) : (in.take(), value);
    in.fine = in.fine && digits >= 1 && digits <= 6;
    for (; digits < 6; ++digits)
        value *= 10;
    return value;
}

std::int64_t scan_offset_us(scan& in)
{
    const char sign = in.take();
    if (sign == 'Z' || sign == 'z')
        return 0;
    in.fine = in.fine && (sign == '+' || sign == '-');
    const std::int64_t hours = in.number_up_to(2, 23);
    in.expect(':');
    const std::int64_t minutes = in.number_up_to(2, 59);
    return (hours * 60 + minutes) * 60 * second_us * (sign == '-' ? -1 : 1);
}

constexpr auto pairs = [] {
    std::array<std::array<char, 2>, 100> made{};
    for (std::size_t i = 0; i < made.size(); ++i)
        made[i] = {static_cast<char>('0' + i / 10), static_cast<char>('0' + i % 10)};
    return made;
}();

// Two digits and what follows them.
char* put(char* at, std::uint32_t value, char next)
{
    std::memcpy(at, pairs[value].data(), 2);
    at[2] = next;
    return at + 3;
}

// 0001-01-01 and the first moment of 10000-01-01.
constexpr std::int64_t first_day = -719'162;
constexpr std::int64_t end_day = 2'932'897;

std::int64_t floor_day(std::int64_t us) { return us / day_us - (us % day_us < 0 ? 1 : 0); }
}  // namespace

void append_text(std::string& out, const day& given)
{
    CF_ASSERT(given.since_epoch >= first_day && given.since_epoch < end_day);
    const std::chrono::year_month_day parts{std::chrono::sys_days{std::chrono::days{given.since_epoch}}};
    const auto year = static_cast<std::uint32_t>(static_cast<int>(parts.year()));
    std::array<char, 12> text{};
    char* at = put(text.data(), year / 100, '0') - 1;
    at = put(at, year % 100, '-');
    at = put(at, static_cast<unsigned>(parts.month()), '-');
    at = put(at, static_cast<unsigned>(parts.day()), '\0') - 1;
    out.append(text.data(), at);
}

void append_text(std::string& out, const moment& given)
{
    const std::int64_t whole_days = floor_day(given.us);
    append_text(out, day{static_cast<std::int32_t>(whole_days)});
    const std::int64_t us_of_day = given.us - whole_days * day_us;
    const auto seconds = static_cast<std::uint32_t>(us_of_day / second_us);
    const auto us = static_cast<std::uint32_t>(us_of_day % second_us);
    std::array<char, 20> text{'T'};
    char* at = put(text.data() + 1, seconds / 3600, ':');
    at = put(at, seconds / 60 % 60, ':');
    at = put(at, seconds % 60, '.');
    at = put(at, us / 10'000, '0') - 1;
    at = put(at, us / 100 % 100, '0') - 1;
    at = put(at, us % 100, 'Z');
    out.append(text.data(), at);
}

std::string moment::text() const
{
    std::string out;
    out.reserve(27);
    append_text(out, *this);
    return out;
}

std::optional<moment> moment::parse(std::string_view given)
{
    scan in{given};
    const std::int64_t days = scan_day(in);
    const char separator = in.take();
    in.fine = in.fine && (separator == 'T' || separator == 't');
    const std::int64_t hours = in.number_up_to(2, 23);
    in.expect(':');
    const std::int64_t minutes = in.number_up_to(2, 59);
    in.expect(':');
    const std::int64_t seconds = in.number_up_to(2, 59);
    const std::int64_t fraction_us = scan_fraction_us(in);
    const std::int64_t offset_us = scan_offset_us(in);
    if (!in.fine || !in.rest.empty())
        return std::nullopt;

    const moment made{days * day_us + ((hours * 60 + minutes) * 60 + seconds) * second_us + fraction_us - offset_us};
    const std::int64_t in_utc = floor_day(made.us);
    if (in_utc < first_day || in_utc >= end_day)
        return std::nullopt;
    return made;
}

std::string day::text() const
{
    std::string out;
    append_text(out, *this);
    return out;
}

std::optional<day> day::parse(std::string_view given)
{
    scan in{given};
    const day made{scan_day(in)};
    if (!in.fine || !in.rest.empty())
        return std::nullopt;
    return made;
}

moment system_clock::now() const
{
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return {std::chrono::duration_cast<std::chrono::microseconds>(since).count()};
}
}  // namespace schema
