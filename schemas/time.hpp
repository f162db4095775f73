// Moments and days as every layer of the product holds them, and their one spelling.
//
// A moment is microseconds since 1970-01-01T00:00:00Z; a day is a proleptic Gregorian date without a zone. Source of
// the spelling: RFC 3339. Nothing here reads a clock: time is handed in through `clock`.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace schema
{
struct moment
{
    std::int64_t us = 0;
    friend auto operator<=>(const moment&, const moment&) = default;

    // Always `YYYY-MM-DDTHH:MM:SS.ffffffZ`. A moment outside the years 0001 to 9999 is a broken invariant.
    std::string text() const;
    // Any offset, 0 to 6 decimals, years 0001 to 9999; `T` and `Z` in either case. A leap second is refused.
    static std::optional<moment> parse(std::string_view);
};

struct day
{
    std::int32_t since_epoch = 0;  // days since 1970-01-01
    friend auto operator<=>(const day&, const day&) = default;

    std::string text() const;  // YYYY-MM-DD
    static std::optional<day> parse(std::string_view);
};

// What text() spells, behind what `out` holds already.
void append_text(std::string& out, const moment&);
void append_text(std::string& out, const day&);

// Every clock read of the product goes through one of these.
class clock
{
public:
    virtual ~clock() = default;
    virtual moment now() const = 0;
};

class system_clock final : public clock
{
public:
    moment now() const override;
};
}  // namespace schema
