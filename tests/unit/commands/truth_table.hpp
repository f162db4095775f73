// A noun's whole truth table as data, and what must hold in each of its cells.
#pragma once

#include "tests/unit/commands/world.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <vector>

namespace testing
{
// One command, and what it comes to in each state (one column per state): the facts, "" for none, or a refusal's code.
template <class Command>
struct line
{
    std::string says;
    Command asks;
    std::vector<std::string> outcomes;
};

// A refusal is marked by "!", which tells the code `project.archived` from the fact of that name.
template <class Command, class InState>
void check_every_cell(const std::vector<line<Command>>& table, InState in_state, const lanes::origin& from = by_key())
{
    for (const auto& each : table)
        for (std::size_t column = 0; column < each.outcomes.size(); ++column)
        {
            CAPTURE(each.says);
            CAPTURE(column);
            world w = in_state(column);
            const auto decided = w.ask(each.asks, from);
            CHECK((decided ? "" : "!") + outcome(decided) == each.outcomes[column]);
        }
}

// "Again changes nothing" is true of every command that was agreed to, in every state.
template <class State, class Command, class InState>
void check_again_changes_nothing(const std::vector<line<Command>>& table, InState in_state,
                                 const lanes::origin& from = by_key())
{
    for (const auto& each : table)
        for (std::size_t column = 0; column < each.outcomes.size(); ++column)
        {
            CAPTURE(each.says);
            CAPTURE(column);
            world w = in_state(column);
            if (!w.ask(each.asks, from))
                continue;
            const auto once = w.state_of<State>(std::visit([](const auto& c) { return c.id; }, each.asks));
            const auto again = w.ask(each.asks, from);
            REQUIRE(bool(again));
            CHECK(outcome(again) == "");
            CHECK(again->status == 200);
            CHECK(again->quotas.empty());
            CHECK(again->claims.empty());
            CHECK(w.state_of<State>(std::visit([](const auto& c) { return c.id; }, each.asks)).it == once.it);
        }
}
}  // namespace testing
