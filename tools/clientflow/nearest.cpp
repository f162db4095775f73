#include "tools/clientflow/nearest.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>

namespace cli
{
namespace
{
std::size_t distance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i)
    {
        auto corner = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j)
        {
            const auto changed = corner + (a[i - 1] == b[j - 1] ? 0 : 1);
            corner = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, changed}));
        }
    }
    return row.back();
}
}  // namespace

std::optional<std::string> nearest(const std::vector<std::string>& names, std::string_view typed)
{
    const auto found = std::ranges::min_element(names, {}, [&](const auto& each) { return distance(each, typed); });
    if (found == names.end() || distance(*found, typed) > std::max<std::size_t>(2, typed.size() / 2))
        return std::nullopt;
    return *found;
}
}  // namespace cli
