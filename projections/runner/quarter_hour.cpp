#include "projections/runner/quarter_hour.hpp"

#include <cstdint>

namespace projection
{
std::string quarter_hour_of(schema::moment at)
{
    constexpr std::int64_t quarter_us = 15LL * 60 * 1'000'000;
    const std::int64_t into = ((at.us % quarter_us) + quarter_us) % quarter_us;
    return schema::moment{at.us - into}.text();
}
}  // namespace projection
