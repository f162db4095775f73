// A noun's aggregate, type-erased for the lane writers: how its state begins, evolves, is shown and weighed.
//
// A noun's state type S takes part by five things, the functions in its own namespace:
//     static constexpr std::string_view S::category = "project"
//     using S::event = …                                                the noun's event variant
//     S evolve(S, const event&, const lanes::stamp&)                    total: history is never refused
//     std::string render(const S&)                                      the item as JSON, in GET's shape
//     std::size_t bytes(const S&)                                       an estimate of its memory
// States are immutable once made and shared between threads by shared_ptr.
#pragma once

#include "commands/lanes/decision.hpp"
#include "schemas/sealing.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
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
    };
    return type;
}
}  // namespace lanes
