#include "schemas/hashing.hpp"

#include "schemas/text.hpp"

#include <array>
#include <cstring>

namespace schema
{
namespace
{
struct seeds
{
    seeds()
    {
        std::array<std::uint8_t, sizeof(drawn)> random{};
        random_bytes(random);
        std::memcpy(drawn.data(), random.data(), sizeof(drawn));
    }
    std::array<std::uint64_t, 4> drawn{};
};

// The lower half.
std::uint64_t product_of(std::uint64_t a, std::uint64_t b, std::uint64_t& high)
{
    __extension__ using wide = unsigned __int128;
    const wide product = static_cast<wide>(a) * b;
    high = static_cast<std::uint64_t>(product >> 64);
    return static_cast<std::uint64_t>(product);
}
}  // namespace

std::size_t mixed(std::uint64_t a, std::uint64_t b) noexcept
{
    static const seeds of_process;
    const auto& seed = of_process.drawn;
    std::uint64_t high = 0;
    std::uint64_t low = product_of(a ^ seed[0], b ^ seed[1], high);
    low = product_of(low ^ seed[2], high ^ seed[3], high);
    return static_cast<std::size_t>(low ^ high);
}
}  // namespace schema
