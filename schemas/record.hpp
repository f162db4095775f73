// Field rows: one description per struct, from which its JSON is read, checked, written, sealed, redacted and
// documented.
//
//     template <>
//     inline constexpr schema::record_type schema::schema_of<project::created> =
//         schema::record("project.created", 1,
//             schema::field<&project::created::id>("id"),
//             schema::field<&project::created::name>("name", schema::length{1, 120}, "Shown in lists."));
//
// Rows are constants and data; the functions below are thread-safe and keep nothing between calls but parsers, one set
// per thread. Names of records and members are stored and public: written once, never derived from C++ names.
// A member without a row is invisible here (path ids of commands are such members).
// Sources: RFC 8259 (JSON), RFC 6901 (pointers), RFC 7396 (patch).
#pragma once

#include "schemas/json_writer.hpp"
#include "schemas/leaf.hpp"
#include "schemas/money.hpp"
#include "schemas/patch.hpp"
#include "schemas/result.hpp"
#include "schemas/sealing.hpp"
#include "schemas/time.hpp"
#include "schemas/uuid.hpp"

#include <array>
#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace schema
{
// -- Attributes of a row. On a list or map, length, range and format speak of each item.

struct length  // of text, in code points after NFC and trimming
{
    std::int64_t min = 0;
    std::int64_t max = 0;
};
struct range  // of an integer, or of a money's amount_minor
{
    std::int64_t min = 0;
    std::int64_t max = 0;
};
struct items  // a list: at most `max`, no duplicates, order kept; `each_max` code points per text (0: no bound)
{
    std::uint32_t max = 0;
    std::uint32_t each_max = 0;
};
enum class format : std::uint8_t
{
    none,
    email,      // at most 254 code points
    currency,   // ISO 4217
    time_zone,  // a name of the IANA time zone database
    color,      // #rrggbb
    slug        // a-z, 0-9 and single hyphens between
};
struct multiline  // newline and tab are allowed
{};
struct required  // must be sent, also where the type alone would let it be absent
{};
struct optional_member  // a plain type that may be absent: it keeps its initialiser
{};
struct not_null  // an optional or patch that may be absent but not null
{};
struct read_only  // in answers; sent in a request it is a fault
{};
struct secret  // never logged
{};
struct personal_mark  // a person's datum: said in documents, masked in logs
{};
template <auto Id>
struct sealed_for  // personal: sealed in events under the subject that the sibling member `Id` names
{};
struct unit
{
    const char* name;
};

// -- Rows and records.

inline constexpr std::int64_t integer_max = (std::int64_t{1} << 53) - 1;
inline constexpr std::uint32_t items_default_max = 1'000;  // of a list or map without `items`

struct field_row
{
    std::string_view name;
    const char* note = nullptr;
    const char* unit = nullptr;
    const leaf* type = nullptr;
    void* (*member)(void* owner) = nullptr;               // for writing only looked at
    const uuid* (*subject)(const void* owner) = nullptr;  // whose datum a sealed member is; nullptr from it: nobody's

    std::int64_t min = std::numeric_limits<std::int64_t>::min();  // length or range
    std::int64_t max = std::numeric_limits<std::int64_t>::max();
    std::uint32_t items_max = 0;
    std::uint32_t each_max = 0;
    format form = format::none;

    bool multiline = false;
    bool required = false;
    bool not_null = false;
    bool read_only = false;
    bool secret = false;
    bool personal = false;
};

struct record_type
{
    static constexpr std::size_t rows_max = 48;

    std::string_view name;
    int version = 0;
    std::array<field_row, rows_max> rows{};
    std::size_t count = 0;

    constexpr const field_row* begin() const { return rows.data(); }
    constexpr const field_row* end() const { return rows.data() + count; }
};

// Specialised per described struct; the unnamed record means "not described".
template <class T>
inline constexpr record_type schema_of = {};

// Specialised per enumeration with values 0 … N-1: std::array<std::string_view, N>, indexed by value.
template <class E>
inline constexpr auto names_of = std::array<std::string_view, 0>{};

template <class E>
    requires std::is_enum_v<E>
constexpr std::string_view name_of(E value)
{
    return names_of<E>[static_cast<std::size_t>(value)];
}

template <class E>
    requires std::is_enum_v<E>
constexpr std::optional<E> enum_named(std::string_view name)
{
    for (std::size_t i = 0; i < names_of<E>.size(); ++i)
        if (names_of<E>[i] == name)
            return static_cast<E>(i);
    return std::nullopt;
}

// -- From a C++ type to its leaf.

template <class T, template <class...> class Of>
inline constexpr bool is_a = false;
template <class... A, template <class...> class Of>
inline constexpr bool is_a<Of<A...>, Of> = true;
template <class T>
inline constexpr bool is_type_id = false;
template <fixed_text P>
inline constexpr bool is_type_id<type_id<P>> = true;

template <class V>
inline constexpr std::array<const record_type*, 0> alternatives_of{};
template <class... T>
inline constexpr std::array<const record_type*, sizeof...(T)> alternatives_of<std::variant<T...>>{&schema_of<T>...};

template <class T>
inline constexpr bool no_leaf = false;

template <class T>
constexpr leaf make_leaf();

template <class T>
inline constexpr leaf leaf_of = make_leaf<T>();

template <class T>
constexpr leaf make_container_leaf()
{
    using namespace codec;
    if constexpr (is_a<T, std::vector>)
    {
        using item = typename T::value_type;
        static_assert(!std::is_same_v<item, bool>, "std::vector<bool> has no items to point at");
        return {.what = kind::list,
                .read = read_list,
                .write = write_list,
                .inner = &leaf_of<item>,
                .reach = &list_shell<item>};
    }
    else if constexpr (is_a<T, std::map>)
    {
        using item = typename T::mapped_type;
        static_assert(std::is_same_v<typename T::key_type, std::string>, "maps are keyed by text");
        return {.what = kind::map,
                .read = read_map,
                .write = write_map,
                .inner = &leaf_of<item>,
                .entries = &entries_shell<item>};
    }
    else if constexpr (is_a<T, std::optional>)
    {
        using held = typename T::value_type;
        return {.what = kind::optional,
                .read = read_optional,
                .write = write_optional,
                .inner = &leaf_of<held>,
                .reach = &optional_shell<held>};
    }
    else if constexpr (is_a<T, patch>)
    {
        using held = typename T::value_type;
        return {.what = kind::patch,
                .read = read_optional,
                .write = write_optional,
                .inner = &leaf_of<held>,
                .reach = &patch_shell<held>};
    }
    else if constexpr (is_a<T, personal>)
    {
        using held = decltype(T::value);
        return {.what = kind::personal,
                .read = read_personal,
                .write = write_optional,
                .inner = &leaf_of<held>,
                .reach = &personal_shell<held>};
    }
    else if constexpr (is_a<T, std::variant>)
    {
        constexpr auto& records = alternatives_of<T>;
        for (const auto* record : records)
        {
            if (record->name.empty())
                throw "every alternative of a variant needs a description";
            for (std::size_t i = 0; i < record->count; ++i)
                if (record->rows[i].name == "type")
                    throw "the member \"type\" tells alternatives apart";
        }
        return {.what = kind::one_of,
                .read = read_one_of,
                .write = write_one_of,
                .alternatives = records.data(),
                .count = records.size(),
                .reach = &one_of_shell<T>::reach};
    }
    else
    {
        static_assert(!schema_of<T>.name.empty(), "this type has no leaf: describe it, or give it a codec");
        return {.what = kind::record, .read = read_record, .write = write_record, .record = &schema_of<T>};
    }
}

template <class T>
constexpr leaf make_leaf()
{
    using namespace codec;
    if constexpr (std::is_same_v<T, bool>)
        return {.what = kind::boolean, .read = read_boolean, .write = write_boolean};
    else if constexpr (std::is_same_v<T, std::int16_t> || std::is_same_v<T, std::int32_t> ||
                       std::is_same_v<T, std::int64_t>)
        return {.what = kind::integer, .read = read_integer, .write = write_integer, .bytes = sizeof(T)};
    else if constexpr (std::is_same_v<T, std::string>)
        return {.what = kind::text, .read = read_text, .write = write_text};
    else if constexpr (std::is_same_v<T, uuid>)
        return {.what = kind::uuid, .read = read_uuid, .write = write_uuid};
    else if constexpr (is_type_id<T>)
        return {.what = kind::id, .read = read_id, .write = write_id, .prefix = T::prefix()};
    else if constexpr (std::is_same_v<T, moment>)
        return {.what = kind::moment, .read = read_moment, .write = write_moment};
    else if constexpr (std::is_same_v<T, day>)
        return {.what = kind::day, .read = read_day, .write = write_day};
    else if constexpr (std::is_same_v<T, money>)
        return {.what = kind::money, .read = read_money, .write = write_money};
    else if constexpr (std::is_enum_v<T>)
    {
        static_assert(!names_of<T>.empty(), "this enumeration has no names_of");
        return {.what = kind::enumeration,
                .read = read_enumeration,
                .write = write_enumeration,
                .bytes = sizeof(T),
                .names = names_of<T>.data(),
                .count = names_of<T>.size()};
    }
    else
        return make_container_leaf<T>();
}

// -- Making rows.

template <class M>
struct member_of;
template <class Owner, class Type>
struct member_of<Type Owner::*>
{
    using owner = Owner;
    using type = Type;
};

template <class T>
inline constexpr bool holds_personal = is_a<T, personal>;
template <class T>
inline constexpr bool holds_personal<std::optional<T>> = is_a<T, personal>;
template <class T>
inline constexpr bool holds_personal<patch<T>> = is_a<T, personal>;

template <class A>
inline constexpr bool is_sealed_for = false;
template <auto Id>
inline constexpr bool is_sealed_for<sealed_for<Id>> = true;

// The uuid behind an id member, nothing when it is unset.
inline const uuid* subject_in(const uuid& id) { return &id; }
template <fixed_text P>
const uuid* subject_in(const type_id<P>& id)
{
    return &id.value;
}
template <class T>
const uuid* subject_in(const std::optional<T>& id)
{
    return id ? subject_in(*id) : nullptr;
}

constexpr void attach(field_row& row, length bound) { row.min = bound.min, row.max = bound.max; }
constexpr void attach(field_row& row, range bound) { row.min = bound.min, row.max = bound.max; }
constexpr void attach(field_row& row, items bound) { row.items_max = bound.max, row.each_max = bound.each_max; }
constexpr void attach(field_row& row, format form) { row.form = form; }
constexpr void attach(field_row& row, multiline) { row.multiline = true; }
constexpr void attach(field_row& row, required) { row.required = true; }
constexpr void attach(field_row& row, optional_member) { row.required = false; }
constexpr void attach(field_row& row, not_null) { row.not_null = true; }
constexpr void attach(field_row& row, read_only) { row.read_only = true; }
constexpr void attach(field_row& row, secret) { row.secret = true; }
constexpr void attach(field_row& row, personal_mark) { row.personal = true; }
constexpr void attach(field_row& row, unit given) { row.unit = given.name; }
constexpr void attach(field_row& row, const char* note) { row.note = note; }
template <auto Id>
constexpr void attach(field_row& row, sealed_for<Id>)
{
    row.personal = true;
    row.subject = [](const void* owner) -> const uuid* {
        return subject_in(static_cast<const typename member_of<decltype(Id)>::owner*>(owner)->*Id);
    };
}

template <auto Member, class... A>
constexpr field_row field(std::string_view name, A... attributes)
{
    using owner = typename member_of<decltype(Member)>::owner;
    using type = typename member_of<decltype(Member)>::type;

    static_assert(holds_personal<type> == (is_sealed_for<A> || ...),
                  "personal<T> and sealed_for go together: neither without the other");

    field_row row;
    row.name = name;
    row.type = &leaf_of<type>;
    row.member = [](void* of) -> void* { return &(static_cast<owner*>(of)->*Member); };
    row.required =
        !is_a<type, std::optional> && !is_a<type, patch> && !is_a<type, std::vector> && !is_a<type, std::map>;
    (attach(row, attributes), ...);
    return row;
}

constexpr bool is_member_name(std::string_view name)
{
    if (name.empty())
        return false;
    for (const char c : name)
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_')
            return false;
    return true;
}

constexpr record_type record(std::string_view name, int version, std::same_as<field_row> auto... rows)
{
    static_assert(sizeof...(rows) <= record_type::rows_max, "too many rows: raise record_type::rows_max");
    record_type made;
    made.name = name;
    made.version = version;
    made.count = sizeof...(rows);
    std::size_t at = 0;
    ((made.rows[at++] = rows), ...);

    for (std::size_t i = 0; i < made.count; ++i)
    {
        if (!is_member_name(made.rows[i].name))
            throw "member names are letters, digits and underscores";
        for (std::size_t j = 0; j < i; ++j)
            if (made.rows[i].name == made.rows[j].name)
                throw "two rows with one name";
    }
    return made;
}

template <>
inline constexpr record_type schema_of<money> =
    record("money", 1, field<&money::amount_minor>("amount_minor", unit{"the currency's minor unit"}),
           field<&money::currency>("currency", format::currency));

// -- Reading and writing.

enum class reading
{
    request,  // strict: unknown and read-only members, types, bounds and formats are faults; text becomes NFC, trimmed
    stored    // lenient: unknown members are ignored, bounds are not judged, sealed values are opened
};

inline constexpr std::size_t faults_max = 100;  // reported at once; later ones are dropped

// Fills `into` (an object of the struct that `type` describes). Empty: all is well; otherwise `into` is half filled and
// of no use. Codes: "malformed" (then the only one), "required", "unknown", "read_only", "mistyped", "null",
// "too_short", "too_long", "too_small", "too_large", "too_many", "duplicate", "control_character", "format",
// "not_one_of".
faults read_json(const record_type& type, void* into, std::string_view text, reading = reading::request,
                 opener* = nullptr);

template <class T>
result<T, faults> read_json(std::string_view text, reading how = reading::request, opener* open = nullptr)
{
    static_assert(!schema_of<T>.name.empty(), "this struct has no description");
    T value{};
    if (auto found = read_json(schema_of<T>, &value, text, how, open); !found.empty())
        return found;
    return value;
}

// Appends to `out`. Absent patches are left out, every other member is present, null when unset or forgotten.
// With a sealer personal members are written as `{"$sealed": …}`, without one in clear.
void write_json(const record_type&, const void* value, std::string& out, sealer* = nullptr);

template <class T>
void write_json(const T& value, std::string& out, sealer* seal = nullptr)
{
    static_assert(!schema_of<T>.name.empty(), "this struct has no description");
    write_json(schema_of<T>, &value, out, seal);
}

// For logs: secret and personal members are written as "***".
void write_redacted(const record_type&, const void* value, std::string& out);

template <class T>
void write_redacted(const T& value, std::string& out)
{
    write_redacted(schema_of<T>, &value, out);
}

// A fact as stored. Nothing: no alternative is called `type`. Throws std::runtime_error, naming type and member but no
// value, when the data is not what the description says: the log is damaged or an upcaster is missing.
template <class V>
std::optional<V> read_variant(std::string_view type, std::string_view data, opener* = nullptr);

void read_stored(const record_type&, void* into, std::string_view data, opener*);  // throws as above

template <class V>
std::optional<V> read_variant(std::string_view type, std::string_view data, opener* open)
{
    for (std::size_t i = 0; i < alternatives_of<V>.size(); ++i)
    {
        if (alternatives_of<V>[i] -> name != type)
            continue;
        std::optional<V> made{std::in_place};
        read_stored(*alternatives_of<V>[i], one_of_shell<V>::fill(&*made, i), data, open);
        return made;
    }
    return std::nullopt;
}

// The same document for every spelling of the same members: keys sorted by their bytes, no white space, one escaping.
// A malformed text is returned as it is.
std::string canonical_json(std::string_view);

// Member names as the first line of RFC 4180 text, with CRLF.
std::string csv_header(const record_type&);
}  // namespace schema
