// The rules that hold for every noun, each written once: how a refusal is worded, when a repeated create is the same
// one, what a PATCH comes to, and what may not be archived around a write.
//
// Pure, total, without state. Nouns are in the files beside this one; nothing here knows any of them.
#pragma once

#include "commands/lanes/aggregate.hpp"
#include "commands/lanes/decision.hpp"
#include "events/log/change.hpp"
#include "schemas/record.hpp"
#include "schemas/text.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rules
{
// What a decider answers: the facts that follow from a command (none: it is satisfied already), or why not.
template <class Event>
using facts_or_refusal = schema::result<std::vector<Event>, lanes::refusal>;

// -- Rows that every create and every write has.

inline constexpr const char* id_note = "Chosen by the client, to repeat a create safely; made here when left out.";
inline constexpr const char* occurred_at_note = "Only for keys with scope import: when it happened, at most now.";

// -- Refusals.

lanes::refusal not_found();
lanes::refusal invalid(schema::faults);
lanes::refusal forbidden(std::string detail);
lanes::refusal archived(std::string_view noun);  // code `<noun>.archived`
// `pointer`: the member whose value is taken, "#/id" when the thing itself was made from other members.
lanes::refusal already_exists(std::string pointer, std::string detail);
lanes::refusal made_from_other_members();
lanes::refusal state_conflict(std::string_view state, std::vector<std::string> allowed_verbs);

// Somebody of the platform, not of the tenant: may do what keys may not, and writes while the organisation is
// suspended.
bool by_platform(const lanes::origin&);

// -- The front door.

// Of a first fact: two creates are the same one when these agree.
template <class Created>
schema::digest digest_of(const Created& fact)
{
    std::string members;
    schema::write_json(fact, members);
    return schema::sha256(members);
}

// How every command finds its way to a noun's table: `first` makes the first fact of a create, `when` decides any other
// command on a living item.
//
// - What is not born can only be created; what is, is created again only from the same members, and nothing happens.
// - What would change nothing is agreed to in every state; what would change an archived item is refused, but a
// restore.
template <class Create, class Restore, class State, class Command, class First, class When>
facts_or_refusal<typename State::event> front_door(const Command& asked, const State& now, First first, When when)
{
    using facts = std::vector<typename State::event>;
    using answer = facts_or_refusal<typename State::event>;
    return std::visit(
        [&]<class C>(const C& what) -> answer {
            if constexpr (std::is_same_v<C, Create>)
            {
                auto born = first(what);
                if (!now.it)
                    return facts{std::move(born)};
                const bool same_time = !what.occurred_at || *what.occurred_at == now.it->created_at;
                return same_time && State::made_from(born) == now.born_from ? answer{facts{}}
                                                                            : answer{made_from_other_members()};
            }
            else
            {
                if (!now.it)
                    return not_found();
                answer decided = when(what, *now.it);
                const bool changes = !decided || !decided->empty();
                return changes && now.it->archived_at && !std::is_same_v<C, Restore> ? answer{archived(State::category)}
                                                                                     : std::move(decided);
            }
        },
        asked);
}

// A state as its noun's history makes it: any fact may follow any other.
template <class Created, class State>
State evolved(State now, const typename State::event& happened, const event_log::stamp& at)
{
    if (const auto* born = std::get_if<Created>(&happened))
        now.born_from = State::made_from(*born);
    if (!now.it)
        now.it.emplace();
    apply(*now.it, happened, at);
    return now;
}

// The item as JSON, null of what is not born.
template <class State>
std::string rendered(const State& now)
{
    std::string json;
    if (now.it)
        schema::write_json(*now.it, json);
    else
        json = "null";
    return json;
}

template <class Command>
const lanes::uuid& id_of(const Command& asked)
{
    return std::visit([](const auto& what) -> const lanes::uuid& { return what.id.value; }, asked);
}

// -- PATCH. Each fills one edit of a `changed` fact, and leaves it absent when the member is to stay as it is.

template <class T>
void amend(event_log::edit<T>& edit, const schema::patch<T>& asked, const T& now)
{
    if (asked.has_value() && asked.value() != now)
        edit = event_log::change<T>{now, asked.value()};
}

// Null clears.
template <class T>
void amend(event_log::edit<std::optional<T>>& edit, const schema::patch<T>& asked, const std::optional<T>& now)
{
    if (auto next = asked.over(now); next != now)
        edit = event_log::change<std::optional<T>>{now, std::move(next)};
}

// Null empties a list.
template <class T>
void amend(event_log::edit<std::vector<T>>& edit, const schema::patch<std::vector<T>>& asked, const std::vector<T>& now)
{
    if (asked.is_absent())
        return;
    auto next = asked.has_value() ? asked.value() : std::vector<T>{};
    if (next != now)
        edit = event_log::change<std::vector<T>>{now, std::move(next)};
}

template <class T>
void amend(event_log::personal_edit<std::optional<T>>& edit, const schema::patch<T>& asked, const std::optional<T>& now)
{
    if (auto next = asked.over(now); next != now)
        edit = schema::personal<event_log::change<std::optional<T>>>{{now, std::move(next)}, false};
}

template <class T>
std::optional<schema::personal<T>> personal(const std::optional<T>& given)
{
    return given ? std::optional(schema::personal<T>{*given, false}) : std::nullopt;
}

// -- States and the verbs between them, as a table: row = verb, column = state, cell = the state it leads to. A cell
// that leads to its own column is a verb already satisfied; an empty one is refused.

template <class Verb, class Status>
struct life
{
    static constexpr std::size_t verbs = schema::names_of<Verb>.size();
    static constexpr std::size_t states = schema::names_of<Status>.size();
    std::array<std::array<std::optional<Status>, states>, verbs> leads;

    constexpr std::optional<Status> after(Verb verb, Status now) const
    {
        return leads[static_cast<std::size_t>(verb)][static_cast<std::size_t>(now)];
    }

    // The verb that a wish for a state comes to: what PATCH {"status"} means.
    constexpr std::optional<Verb> towards(Status wanted, Status now) const
    {
        for (std::size_t verb = 0; verb < verbs; ++verb)
            if (after(static_cast<Verb>(verb), now) == wanted)
                return static_cast<Verb>(verb);
        return std::nullopt;
    }

    std::vector<std::string> allowed(Status now) const
    {
        std::vector<std::string> names;
        for (std::size_t verb = 0; verb < verbs; ++verb)
            if (const auto next = after(static_cast<Verb>(verb), now); next && *next != now)
                names.emplace_back(schema::names_of<Verb>[verb]);
        return names;
    }

    lanes::refusal refuse(Status now) const { return state_conflict(schema::name_of(now), allowed(now)); }
};

// -- What stands beside a decision: things that it refers to, and things that it is inside of.
//
// Everything is looked at before anything is refused, so that one load completes the view.
class surroundings
{
public:
    explicit surroundings(lanes::view& sight) : sight_(sight) {}

    // A thing that is named must exist; one that is written under must not be archived.
    template <class State, class Id>
    void expect_open(const Id& id, std::string pointer)
    {
        const State& found = sight_.look<State>(id.value);
        if (!found.it)
            miss(std::move(pointer));
        else if (found.it->archived_at && archived_.empty())
            archived_ = State::category;
    }

    // As a reference only: an archived one counts as not there (members that were removed).
    template <class State, class Id>
    void expect_present(const Id& id, std::string pointer)
    {
        const State& found = sight_.look<State>(id.value);
        if (!found.it || found.it->archived_at)
            miss(std::move(pointer));
    }

    // A list of references; those that were in the list before may stay, whatever became of them.
    template <class State, class Id>
    void expect_each(const std::vector<Id>& ids, const std::vector<Id>& before, std::string_view pointer);

    void fault(std::string pointer, std::string_view code, std::string message);

    lanes::view& sight() { return sight_; }

    // All missing references at once; if there are none, the first archived thing.
    std::optional<lanes::refusal> refused() const;

private:
    void miss(std::string pointer);

    lanes::view& sight_;
    schema::faults faults_;
    std::string_view archived_;
};

template <class State, class Id>
void surroundings::expect_each(const std::vector<Id>& ids, const std::vector<Id>& before, std::string_view pointer)
{
    for (std::size_t i = 0; i < ids.size(); ++i)
        if (std::find(before.begin(), before.end(), ids[i]) == before.end())
            expect_present<State>(ids[i], std::string(pointer) + '/' + std::to_string(i));
}

// -- From facts to a decision.

// The first of: the organisation is closed, the noun refuses, something beside it is missing or archived.
template <class Event>
std::optional<lanes::refusal> refused(std::optional<lanes::refusal> closed, const facts_or_refusal<Event>& made,
                                      const surroundings& around)
{
    if (closed)
        return closed;
    if (!made)
        return made.error();
    return around.refused();
}

// The facts go to the stream of the asked thing, whose item is the answer. The first alternative of a command creates.
template <class State, class Command>
lanes::decision decision_of(const Command& asked, const lanes::origin& from, std::vector<typename State::event> facts)
{
    const bool creates = asked.index() == 0;
    lanes::decision made;
    made.shows = {from.tenant, std::string(State::category), id_of(asked)};
    made.shown_as = &lanes::aggregate_of<State>();
    made.status = creates && !facts.empty() ? 201 : 200;
    made.replayed = creates && facts.empty();
    for (auto& fact : facts)
        made.add(made.shows, std::move(fact));
    return made;
}

template <class Event>
void append(std::vector<Event>& facts, std::vector<Event> more)
{
    facts.insert(facts.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

// How many unarchived things there are more after these facts.
template <class Ended, class... Begun, class Event>
std::int64_t net(const std::vector<Event>& facts)
{
    std::int64_t sum = 0;
    for (const Event& fact : facts)
        sum += (std::int64_t{std::holds_alternative<Begun>(fact)} + ...) - std::holds_alternative<Ended>(fact);
    return sum;
}

// Whether these facts only end a thing. That gives room back and changes nothing else, so it is done under an archived
// parent, too.
template <class Ended, class Event>
bool only_ends(const std::vector<Event>& facts)
{
    return !facts.empty() && std::all_of(facts.begin(), facts.end(), [](const Event& fact) {
        return std::holds_alternative<Ended>(fact);
    });
}
}  // namespace rules
