// What a member's type can do, as data: how it is read, written and described, without its C++ type.
//
// A `leaf` is a constant; a field row points at one. Containers (optional, patch, personal, list, map, variant) are
// leaves too, reaching into their object through a `shell` of five small functions, so that the walking of JSON is
// ordinary code in schemas/*.cpp, compiled once. To add a type: a codec (two functions in codecs.cpp), a `kind` with
// its spelling in describe.cpp and emit.cpp, and a line in `make_leaf` (record.hpp).
#pragma once

#include "schemas/patch.hpp"
#include "schemas/sealing.hpp"

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace schema
{
namespace json
{
struct node;
}
struct field_row;
struct record_type;
struct leaf;
class reader;
class writer;

enum class kind : std::uint8_t
{
    boolean,
    integer,
    text,
    uuid,
    id,  // a TypeID
    moment,
    day,
    money,
    enumeration,
    record,
    list,
    map,
    one_of,  // a variant of records, told apart by the member "type"
    optional,
    patch,
    personal
};

// How to reach into a container. `n` is an index for lists, an alternative for variants, and ignored elsewhere.
struct shell
{
    void* (*fill)(void* container, std::size_t n) = nullptr;              // makes room for a value and shows it
    const void* (*look)(const void* container, std::size_t n) = nullptr;  // nullptr: null, forgotten
    void (*clear)(void* container) = nullptr;                             // to null, forgotten, empty
    std::size_t (*count)(const void* container) = nullptr;  // items; for a patch 0 = absent; for a variant its index
    bool (*same)(const void* container, std::size_t a, std::size_t b) = nullptr;  // lists of comparable items
};

// Maps are reached by key. `insert` shows the new value, nothing when the key is there already.
struct map_shell
{
    void* (*insert)(void* map, std::string key) = nullptr;
    void (*each)(const void* map, void* context,
                 void (*visit)(void*, std::string_view key, const void* value)) = nullptr;
    std::size_t (*count)(const void* map) = nullptr;
    void (*clear)(void* map) = nullptr;
};

struct leaf
{
    kind what;
    void (*read)(reader&, const leaf&, json::node, const field_row&, void* into);
    void (*write)(writer&, const leaf&, const field_row&, const void* from);
    std::uint8_t bytes = 0;                            // integer, enumeration: the object's size
    std::string_view prefix{};                         // id
    const std::string_view* names = nullptr;           // enumeration: by value
    const record_type* record = nullptr;               // record, money
    const record_type* const* alternatives = nullptr;  // one_of: by index
    std::size_t count = 0;                             // of names or alternatives
    const leaf* inner = nullptr;                       // of a container
    const shell* reach = nullptr;
    const map_shell* entries = nullptr;
};

// The codecs, in codecs.cpp (single values) and containers.cpp. `into` and `from` point at the member itself.
namespace codec
{
void read_boolean(reader&, const leaf&, json::node, const field_row&, void*);
void read_integer(reader&, const leaf&, json::node, const field_row&, void*);
void read_text(reader&, const leaf&, json::node, const field_row&, void*);
void read_uuid(reader&, const leaf&, json::node, const field_row&, void*);
void read_id(reader&, const leaf&, json::node, const field_row&, void*);
void read_moment(reader&, const leaf&, json::node, const field_row&, void*);
void read_day(reader&, const leaf&, json::node, const field_row&, void*);
void read_money(reader&, const leaf&, json::node, const field_row&, void*);
void read_enumeration(reader&, const leaf&, json::node, const field_row&, void*);
void read_record(reader&, const leaf&, json::node, const field_row&, void*);
void read_list(reader&, const leaf&, json::node, const field_row&, void*);
void read_map(reader&, const leaf&, json::node, const field_row&, void*);
void read_one_of(reader&, const leaf&, json::node, const field_row&, void*);
void read_optional(reader&, const leaf&, json::node, const field_row&, void*);  // patch too
void read_personal(reader&, const leaf&, json::node, const field_row&, void*);

void write_boolean(writer&, const leaf&, const field_row&, const void*);
void write_integer(writer&, const leaf&, const field_row&, const void*);
void write_text(writer&, const leaf&, const field_row&, const void*);
void write_uuid(writer&, const leaf&, const field_row&, const void*);
void write_id(writer&, const leaf&, const field_row&, const void*);
void write_moment(writer&, const leaf&, const field_row&, const void*);
void write_day(writer&, const leaf&, const field_row&, const void*);
void write_money(writer&, const leaf&, const field_row&, const void*);
void write_enumeration(writer&, const leaf&, const field_row&, const void*);
void write_record(writer&, const leaf&, const field_row&, const void*);
void write_list(writer&, const leaf&, const field_row&, const void*);
void write_map(writer&, const leaf&, const field_row&, const void*);
void write_one_of(writer&, const leaf&, const field_row&, const void*);
void write_optional(writer&, const leaf&, const field_row&, const void*);  // patch and personal too
}  // namespace codec

template <class T>
inline constexpr shell optional_shell{
    [](void* at, std::size_t) -> void* { return &static_cast<std::optional<T>*>(at)->emplace(); },
    [](const void* at, std::size_t) -> const void* {
        const auto& held = *static_cast<const std::optional<T>*>(at);
        return held ? &*held : nullptr;
    },
    [](void* at) { static_cast<std::optional<T>*>(at)->reset(); },
};

template <class T>
inline constexpr shell patch_shell{
    [](void* at, std::size_t) -> void* { return &static_cast<patch<T>*>(at)->emplace(); },
    [](const void* at, std::size_t) -> const void* {
        const auto& held = *static_cast<const patch<T>*>(at);
        return held.has_value() ? &held.value() : nullptr;
    },
    [](void* at) { static_cast<patch<T>*>(at)->clear(); },
    [](const void* at) -> std::size_t { return static_cast<const patch<T>*>(at)->is_absent() ? 0 : 1; },
};

template <class T>
inline constexpr shell personal_shell{
    [](void* at, std::size_t) -> void* {
        auto& held = *static_cast<personal<T>*>(at);
        held.forgotten = false;
        return &held.value;
    },
    [](const void* at, std::size_t) -> const void* {
        const auto& held = *static_cast<const personal<T>*>(at);
        return held.forgotten ? nullptr : &held.value;
    },
    [](void* at) {
        *static_cast<personal<T>*>(at) = personal<T>{T{}, true};
    },
};

template <class T>
inline constexpr shell list_shell{
    [](void* at, std::size_t) -> void* { return &static_cast<std::vector<T>*>(at)->emplace_back(); },
    [](const void* at, std::size_t n) -> const void* { return &(*static_cast<const std::vector<T>*>(at))[n]; },
    [](void* at) { static_cast<std::vector<T>*>(at)->clear(); },
    [](const void* at) -> std::size_t { return static_cast<const std::vector<T>*>(at)->size(); },
    []() -> bool (*)(const void*, std::size_t, std::size_t) {
        if constexpr (std::equality_comparable<T>)
            return [](const void* at, std::size_t a, std::size_t b) -> bool {
                const auto& list = *static_cast<const std::vector<T>*>(at);
                return list[a] == list[b];
            };
        else
            return nullptr;
    }(),
};

template <class T>
inline constexpr map_shell entries_shell{
    [](void* at, std::string key) -> void* {
        const auto [place, is_new] = static_cast<std::map<std::string, T>*>(at)->try_emplace(std::move(key));
        return is_new ? &place->second : nullptr;
    },
    [](const void* at, void* context, void (*visit)(void*, std::string_view, const void*)) {
        for (const auto& [key, value] : *static_cast<const std::map<std::string, T>*>(at))
            visit(context, key, &value);
    },
    [](const void* at) -> std::size_t { return static_cast<const std::map<std::string, T>*>(at)->size(); },
    [](void* at) { static_cast<std::map<std::string, T>*>(at)->clear(); },
};

template <class V>
struct one_of_shell;
template <class... T>
struct one_of_shell<std::variant<T...>>
{
    using variant = std::variant<T...>;

    static void* fill(void* at, std::size_t n)
    {
        auto& held = *static_cast<variant*>(at);
        void* made = nullptr;
        std::size_t i = 0;
        ((i++ == n ? void(made = &held.template emplace<T>()) : void()), ...);
        return made;
    }
    static const void* look(const void* at, std::size_t)
    {
        return std::visit([](const auto& held) -> const void* { return &held; }, *static_cast<const variant*>(at));
    }
    static std::size_t index(const void* at) { return static_cast<const variant*>(at)->index(); }

    static constexpr shell reach{fill, look, nullptr, index};
};
}  // namespace schema
