// What a projection is: a name, a version, the events it reads, a key, and a pure fold from events to rows.
//
// Most rows are folded: one per key, made from the row before and the next event. Some are appended: one per event,
// written once with the event's position and never read again by the machine.
//
// A definition is data, made once per noun at the top of projections/ and read by all threads. Its functions never
// touch a database, a clock or a log. Name, version and counters are stored strings: written once and never changed. A
// fold whose meaning changes needs a new version, whose rows are built beside the old ones.
#pragma once

#include "events/log/envelope.hpp"
#include "events/log/meta.hpp"
#include "events/log/upcast.hpp"
#include "schemas/record.hpp"
#include "schemas/time.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace projection
{
using event_log::position;
using event_log::recorded;
using schema::uuid;

// One row of a projection. A key's events come from one lane.
struct row_key
{
    uuid tenant;
    uuid id;
    friend auto operator<=>(const row_key&, const row_key&) = default;
};

// What one row adds to a running total of its tenant. A row's share is taken back when the row changes, so an archived
// or moved thing leaves the totals it was in.
struct share
{
    std::string_view counter;  // "tasks.status"; static
    std::string bucket;        // "todo"
    std::int64_t amount = 1;
};

// By what a row is found by its words (terms.hpp). Views into the row.
struct searchable
{
    std::string_view title;
    std::string_view text;  // found behind titles; may be empty
    schema::moment created_at;
    friend bool operator==(const searchable&, const searchable&) = default;
};

enum class row_kind : std::uint8_t
{
    folded,
    // The record has the rows `lane`, `seq` and `event_id`, the table the key (tenant_id, seq). `apply` sets every
    // member anew from the envelope alone (audits give it no `data`), opens nothing, never throws: each event has one.
    appended
};

struct definition
{
    std::string_view name;  // "task"
    int version = 1;
    std::string_view category;  // the streams it reads; empty: all
    std::string_view table;     // "read.task"
    const schema::record_type* record = nullptr;
    std::span<const schema::record_type* const> facts;  // the event types it reads; of appended rows none: all

    row_key (*key_of)(const recorded&) = nullptr;  // of folded rows
    std::shared_ptr<void> (*make)() = nullptr;     // the row before its first event
    // Throws what the fold throws: the key is then parked.
    void (*apply)(void* row, const recorded&, schema::opener*) = nullptr;
    // What the row adds to running totals; nullptr when nothing.
    void (*shares)(const void* row, std::vector<share>& out) = nullptr;
    // By what the row is found; nothing: not at all (it is archived). nullptr when no row is.
    std::optional<searchable> (*find_by)(const void* row) = nullptr;
    row_kind kind = row_kind::folded;

    bool reads(std::string_view of_category) const { return category.empty() || category == of_category; }
};

// A fact of a stream that this projection reads, of a type that it does not know.
struct unknown_fact : std::runtime_error
{
    using runtime_error::runtime_error;
};

// One row per stream of a noun, folded by the noun's own `apply`.
template <class Item, class Event>
struct stream_fold
{
    static row_key key_of(const recorded& happened) { return {happened.stream.tenant, happened.stream.id}; }

    static std::shared_ptr<void> make() { return std::make_shared<Item>(); }

    static void fold(void* row, const recorded& happened, schema::opener* open)
    {
        recorded room;
        const recorded& newest = event_log::newest_shape(happened, room);
        const auto fact = schema::read_variant<Event>(newest.type, newest.data, open);
        if (!fact)
            throw unknown_fact("no fact of this noun is called " + happened.type);
        apply(*static_cast<Item*>(row), *fact, event_log::stamp_of(happened));
    }

    template <std::size_t... I>
    static constexpr auto facts_of(std::index_sequence<I...>)
    {
        return std::array<const schema::record_type*, sizeof...(I)>{
            &schema::schema_of<std::variant_alternative_t<I, Event>>...};
    }
    static constexpr auto facts = facts_of(std::make_index_sequence<std::variant_size_v<Event>>{});
};

// `Shares` and `FindBy` take the item by its type.
template <class Item, class Event, void (*Shares)(const Item&, std::vector<share>&) = nullptr,
          std::optional<searchable> (*FindBy)(const Item&) = nullptr>
constexpr definition stream_projection(std::string_view name, int version, std::string_view category,
                                       std::string_view table)
{
    using machine = stream_fold<Item, Event>;
    definition made{name,           version,         category,      table,         &schema::schema_of<Item>,
                    machine::facts, machine::key_of, machine::make, machine::fold, nullptr,
                    nullptr};
    if constexpr (Shares != nullptr)
        made.shares = [](const void* row, std::vector<share>& out) { Shares(*static_cast<const Item*>(row), out); };
    if constexpr (FindBy != nullptr)
        made.find_by = [](const void* row) { return FindBy(*static_cast<const Item*>(row)); };
    return made;
}
}  // namespace projection

template <>
struct std::hash<projection::row_key>
{
    std::size_t operator()(const projection::row_key& key) const noexcept
    {
        const std::hash<schema::uuid> of;
        return schema::mixed(of(key.id), of(key.tenant));
    }
};
