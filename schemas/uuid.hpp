// A 16-byte identifier and its two spellings: the database's (8-4-4-4-12 hex) and the public TypeID's (base 32).
//
// Values are plain and may be copied between threads. Sources: RFC 9562 (UUID version 7), the TypeID specification 0.3
// (prefix, underscore, 26 characters of Crockford base 32 in lower case, the first at most '7').
#pragma once

#include "schemas/hashing.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace schema
{
struct uuid
{
    std::array<std::uint8_t, 16> bytes{};

    friend auto operator<=>(const uuid&, const uuid&) = default;

    bool is_nil() const { return *this == uuid{}; }

    // 36 characters, lower case.
    std::string text() const;
    // Accepts exactly what text() prints (either case).
    static std::optional<uuid> parse(std::string_view);

    // 26 characters of base 32, as in a TypeID.
    std::string base32() const;
    static std::optional<uuid> parse_base32(std::string_view);

    // Version 7: `unix_ms` in the first 48 bits, then 74 bits of `random` with version and variant set.
    static uuid v7(std::uint64_t unix_ms, const std::array<std::uint8_t, 10>& random);
};

// Makes version 7 ids, drawing randomness in blocks. One per thread. Within one source they never decrease, unless the
// clock is set back by more than a minute: then they begin anew at the clock's time. Nothing rests on their order.
class uuid_source
{
public:
    // Time is handed in (microseconds since 1970), never read here.
    uuid next(std::int64_t now_us);

private:
    std::array<std::uint8_t, 4096> block_{};
    std::size_t used_ = sizeof(block_);
    std::uint64_t last_ms_ = 0;
    std::uint16_t counter_ = 0;
};

// A compile-time string, so that an id's prefix is part of its type.
template <std::size_t N>
struct fixed_text
{
    char characters[N]{};
    constexpr fixed_text(const char (&from)[N])
    {
        for (std::size_t i = 0; i < N; ++i)
            characters[i] = from[i];
    }
    constexpr std::string_view view() const { return {characters, N - 1}; }
};

// An id of one kind of thing: `type_id<"project">` prints as project_01h455vb4pex5vsknk084sn02q.
template <fixed_text Prefix>
struct type_id
{
    static constexpr std::string_view prefix() { return Prefix.view(); }

    uuid value;

    friend auto operator<=>(const type_id&, const type_id&) = default;

    bool is_nil() const { return value.is_nil(); }
    std::string text() const { return std::string{prefix()} + '_' + value.base32(); }

    static std::optional<type_id> parse(std::string_view given)
    {
        if (given.size() != prefix().size() + 27 || !given.starts_with(prefix()) || given[prefix().size()] != '_')
            return std::nullopt;
        if (const auto value = uuid::parse_base32(given.substr(prefix().size() + 1)))
            return type_id{*value};
        return std::nullopt;
    }
};
}  // namespace schema

template <>
struct std::hash<schema::uuid>
{
    std::size_t operator()(const schema::uuid& id) const noexcept
    {
        std::uint64_t halves[2];
        std::memcpy(halves, id.bytes.data(), sizeof(halves));
        return schema::mixed(halves[0], halves[1]);
    }
};
