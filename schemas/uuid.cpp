#include "schemas/uuid.hpp"

#include "schemas/text.hpp"

#include <cstring>

namespace schema
{
namespace
{
constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::string_view base32_digits = "0123456789abcdefghjkmnpqrstvwxyz";

// What each character is worth as a digit; -1: it is none.
constexpr std::array<std::int8_t, 256> values_of(std::string_view digits)
{
    std::array<std::int8_t, 256> table{};
    table.fill(-1);
    for (std::size_t i = 0; i < digits.size(); ++i)
        table[static_cast<unsigned char>(digits[i])] = static_cast<std::int8_t>(i);
    return table;
}

constexpr auto base32_values = values_of(base32_digits);
constexpr auto hex_values = [] {
    auto table = values_of(hex_digits);
    for (std::size_t i = 10; i < hex_digits.size(); ++i)
        table[static_cast<unsigned char>(hex_digits[i] - 'a' + 'A')] = static_cast<std::int8_t>(i);
    return table;
}();

constexpr auto base32_pairs = [] {
    std::array<std::array<char, 2>, 1024> pairs{};
    for (std::size_t i = 0; i < pairs.size(); ++i)
        pairs[i] = {base32_digits[i >> 5], base32_digits[i & 31]};
    return pairs;
}();

// Where each byte's two digits begin.
constexpr std::array<std::uint8_t, 16> places_in_text{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};

bool is_hyphen_at(std::size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }

std::uint64_t big_endian(const std::uint8_t* bytes)
{
    std::uint64_t value = 0;
    for (int i = 0; i < 8; ++i)
        value = value << 8 | bytes[i];
    return value;
}

void put_big_endian(std::uint8_t* bytes, std::uint64_t value)
{
    for (int i = 0; i < 8; ++i)
        bytes[i] = static_cast<std::uint8_t>(value >> (56 - 8 * i));
}
}  // namespace

std::string uuid::text() const
{
    std::string out;
    out.reserve(36);
    for (const std::uint8_t byte : bytes)
    {
        if (is_hyphen_at(out.size()))
            out += '-';
        out += hex_digits[byte >> 4];
        out += hex_digits[byte & 15];
    }
    return out;
}

std::optional<uuid> uuid::parse(std::string_view given)
{
    if (given.size() != 36 || given[8] != '-' || given[13] != '-' || given[18] != '-' || given[23] != '-')
        return std::nullopt;
    uuid made;
    int worst = 0;  // negative once any character was no digit
    for (std::size_t i = 0; i < made.bytes.size(); ++i)
    {
        const int high = hex_values[static_cast<unsigned char>(given[places_in_text[i]])];
        const int low = hex_values[static_cast<unsigned char>(given[places_in_text[i] + 1])];
        worst |= high | low;
        made.bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
    }
    return worst < 0 ? std::nullopt : std::optional{made};
}

// 128 bits in 26 digits of 5: the first digit holds the 3 highest bits. Two digits at a time, from the lowest.
std::string uuid::base32() const
{
    const std::uint64_t high = big_endian(bytes.data());
    const std::uint64_t low = big_endian(bytes.data() + 8);
    std::string out(26, '0');
    std::size_t end = out.size();
    const auto put = [&](std::uint64_t bits, int pairs) {
        for (; pairs > 0; --pairs, bits >>= 10)
            std::memcpy(out.data() + (end -= 2), base32_pairs[bits & 1023].data(), 2);
    };
    put(low, 6);
    put(low >> 60 | high << 4, 6);
    put(high >> 56, 1);
    return out;
}

std::optional<uuid> uuid::parse_base32(std::string_view given)
{
    if (given.size() != 26 || given[0] > '7')
        return std::nullopt;
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    for (const char c : given)
    {
        const int value = base32_values[static_cast<unsigned char>(c)];
        if (value < 0)
            return std::nullopt;
        high = high << 5 | low >> 59;
        low = low << 5 | static_cast<std::uint64_t>(value);
    }
    uuid made;
    put_big_endian(made.bytes.data(), high);
    put_big_endian(made.bytes.data() + 8, low);
    return made;
}

uuid uuid::v7(std::uint64_t unix_ms, const std::array<std::uint8_t, 10>& random)
{
    uuid made;
    for (std::size_t i = 0; i < 6; ++i)
        made.bytes[i] = static_cast<std::uint8_t>(unix_ms >> (40 - 8 * i));
    std::memcpy(made.bytes.data() + 6, random.data(), random.size());
    made.bytes[6] = static_cast<std::uint8_t>(0x70 | (made.bytes[6] & 0x0F));
    made.bytes[8] = static_cast<std::uint8_t>(0x80 | (made.bytes[8] & 0x3F));
    return made;
}

// RFC 9562 §6.2 method 1: the 12 bits after the time are a counter, begun at random in their lower half for each new
// millisecond; a counter that runs over borrows the next millisecond. A clock that is set back by more than
// `step_back_max_ms` is followed: ids of the future would be taken for forged ones.
uuid uuid_source::next(std::int64_t now_us)
{
    constexpr std::uint16_t counter_max = 0x0FFF;
    constexpr std::uint16_t counter_start_mask = 0x07FF;
    constexpr std::uint64_t step_back_max_ms = 60'000;

    std::array<std::uint8_t, 10> random{};
    if (used_ + random.size() > block_.size())
    {
        random_bytes(block_);
        used_ = 0;
    }
    std::memcpy(random.data(), block_.data() + used_, random.size());
    used_ += random.size();

    const auto drawn = static_cast<std::uint16_t>((random[0] << 8 | random[1]) & counter_start_mask);
    const auto now_ms = static_cast<std::uint64_t>(now_us < 0 ? 0 : now_us / 1000);
    if (now_ms > last_ms_ || last_ms_ - now_ms > step_back_max_ms)
    {
        last_ms_ = now_ms;
        counter_ = drawn;
    }
    else if (++counter_ > counter_max)
    {
        ++last_ms_;
        counter_ = drawn;
    }
    random[0] = static_cast<std::uint8_t>(counter_ >> 8);
    random[1] = static_cast<std::uint8_t>(counter_ & 255);
    return uuid::v7(last_ms_, random);
}
}  // namespace schema
