// A noun's aggregate, type-erased for the lane writers: how its state begins, evolves, is shown and weighed.
//
// A noun's state type S takes part by six things, the functions in its own namespace:
//     static constexpr std::string_view S::category = "project"
//     using S::event = …                                                the noun's event variant
//     S evolve(S, const event&, const lanes::stamp&)                    total: history is never refused
//     std::string render(const S&)                                      the item as JSON, in GET's shape
//     std::size_t bytes(const S&)                                       an estimate of its memory
//     auto all_members(S&)                                              std::tie of all its members, for snapshots
// States are immutable once made and shared between threads by shared_ptr.
#pragma once

#include "commands/lanes/decision.hpp"
#include "schemas/record.hpp"
#include "schemas/row_codec.hpp"
#include "schemas/sealing.hpp"
#include "schemas/text.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <variant>

namespace lanes
{
struct aggregate_type
{
    std::string_view category;
    std::shared_ptr<const void> (*initial)();
    // From a decided fact's variant.
    std::shared_ptr<const void> (*evolve)(const void* state, const void* event, const stamp&);
    // From the log. An event type this noun does not know leaves the state as it is.
    std::shared_ptr<const void> (*evolve_recorded)(const void* state, const event_log::recorded&, const stamp&,
                                                   schema::opener*);
    // A recorded fact in its newest shape, personal values in clear where the opener can; empty: a type this noun does
    // not know.
    std::string (*show)(const event_log::recorded&, schema::opener*);
    std::string (*render)(const void* state);
    std::size_t (*bytes)(const void* state);  // an estimate for the cache's bound
    // A state as bytes and back, for a snapshot; null: these bytes are not such a state. They are read back only under
    // the form that they were written with.
    void (*freeze)(const void* state, std::string& out);
    std::shared_ptr<const void> (*thaw)(std::string_view bytes);
    std::uint64_t (*form)();  // differs between nouns, and whenever the members of a state or of its item do
};

// One member of a state in a snapshot. A digest has no field row, and is as many bytes as it is.
template <class Member>
struct frozen_member
{
    static void put(const Member& from, std::string& out) { schema::encode_value(schema::leaf_of<Member>, &from, out); }
    static bool take(Member& into, std::string_view& from)
    {
        return schema::decode_value(schema::leaf_of<Member>, &into, from);
    }
    static std::uint64_t shape() { return schema::shape_of(schema::leaf_of<Member>); }
};

template <>
struct frozen_member<schema::digest>
{
    static void put(const schema::digest& from, std::string& out) { out.append(from.begin(), from.end()); }
    static bool take(schema::digest& into, std::string_view& from)
    {
        if (from.size() < into.size())
            return false;
        std::copy_n(from.begin(), into.size(), into.begin());
        from.remove_prefix(into.size());
        return true;
    }
    static std::uint64_t shape() { return sizeof(schema::digest); }
};

// The size of a struct with these members in this order. A state of another size has one that was left out.
template <class... Member>
constexpr std::size_t size_with(std::type_identity<std::tuple<Member&...>>)
{
    std::size_t size = 0, widest = 1;
    const auto up_to = [](std::size_t at, std::size_t step) { return (at + step - 1) / step * step; };
    ((size = up_to(size, alignof(Member)) + sizeof(Member), widest = std::max(widest, alignof(Member))), ...);
    return up_to(size, widest);
}

template <class State>
struct frozen
{
    using members = decltype(all_members(std::declval<State&>()));
    static_assert(size_with(std::type_identity<members>{}) == sizeof(State), "all_members leaves a member out");

    static void freeze(const void* state, std::string& out)
    {
        std::apply([&](auto&... each) { (frozen_member<std::decay_t<decltype(each)>>::put(each, out), ...); },
                   all_members(*const_cast<State*>(static_cast<const State*>(state))));  // only looked at
    }

    static std::shared_ptr<const void> thaw(std::string_view bytes)
    {
        const auto made = std::make_shared<State>();
        const bool well = std::apply(
            [&](auto&... each) { return (frozen_member<std::decay_t<decltype(each)>>::take(each, bytes) && ...); },
            all_members(*made));
        return well && bytes.empty() ? made : nullptr;
    }

    static std::uint64_t form()
    {
        static const std::uint64_t made = [] {
            std::string shapes{State::category};
            State example;
            std::apply(
                [&](auto&... each) {
                    ((shapes += ' ' + std::to_string(frozen_member<std::decay_t<decltype(each)>>::shape())), ...);
                },
                all_members(example));
            std::uint64_t first = 0;
            const schema::digest digest = schema::sha256(shapes);
            for (std::size_t i = 0; i < sizeof(first); ++i)
                first = first << 8 | digest[i];
            return first;
        }();
        return made;
    }
};

template <class State>
const aggregate_type& aggregate_of();  // one static per State

template <class State>
const State& view::look(const uuid& stream)
{
    return *static_cast<const State*>(find(aggregate_of<State>(), stream));
}

template <class State>
const aggregate_type& aggregate_of()
{
    using event = typename State::event;
    static constexpr aggregate_type type{
        State::category,
        []() -> std::shared_ptr<const void> { return std::make_shared<const State>(); },
        [](const void* state, const void* happened, const stamp& at) -> std::shared_ptr<const void> {
            return std::make_shared<const State>(
                evolve(*static_cast<const State*>(state), *static_cast<const event*>(happened), at));
        },
        [](const void* state, const event_log::recorded& stored, const stamp& at,
           schema::opener* opener) -> std::shared_ptr<const void> {
            const auto happened = schema::read_variant<event>(stored.type, stored.data, opener);
            if (!happened)
                return std::make_shared<const State>(*static_cast<const State*>(state));
            return std::make_shared<const State>(evolve(*static_cast<const State*>(state), *happened, at));
        },
        [](const event_log::recorded& stored, schema::opener* opener) {
            std::string text;
            if (const auto happened = schema::read_variant<event>(stored.type, stored.data, opener))
                std::visit([&](const auto& fact) { schema::write_json(fact, text); }, *happened);
            return text;
        },
        [](const void* state) { return render(*static_cast<const State*>(state)); },
        [](const void* state) { return bytes(*static_cast<const State*>(state)); },
        &frozen<State>::freeze,
        &frozen<State>::thaw,
        &frozen<State>::form,
    };
    return type;
}
}  // namespace lanes
