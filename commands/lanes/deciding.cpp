#include "commands/lanes/deciding.hpp"

#include "commands/lanes/refusals.hpp"

#include <algorithm>
#include <stdexcept>

namespace lanes
{
namespace
{
bool matches(const if_match& wanted, std::int64_t version)
{
    return wanted.any || std::find(wanted.versions.begin(), wanted.versions.end(), version) != wanted.versions.end();
}

// If-Match speaks before the decider, but of something that is there: what is not there answers for itself, so that an
// unknown id is never told apart from a foreign one.
decided judge(const submission& asked, round_view& sight)
{
    if (!asked.match)
        return asked.decide(sight);
    if (!asked.shown_as || asked.shown_as->category != asked.match->stream.category)
        throw std::logic_error("If-Match names another noun than the answer shows");

    const std::int64_t version = sight.look_at_version(*asked.shown_as, asked.match->stream.id);
    if (version > 0 && !matches(*asked.match, version))
        return version_mismatch(version);
    decided choice = asked.decide(sight);
    if (version == 0 && choice)
        return version_mismatch(0);
    return choice;
}

const sighting& seen(const entry& e, const stream_key& stream)
{
    for (const sighting& each : e.looked)
        if (each.stream.is(stream))
            return each;
    throw std::logic_error("a decider wrote or showed a stream it never looked at: " + stream.category);
}

// The stream's last move of this command, begun if there is none yet.
moved& move_of(entry& e, const stream_key& stream)
{
    for (moved& each : e.moves)
        if (each.stream.is(stream))
            return each;
    const sighting& start = seen(e, stream);
    return e.moves.emplace_back(moved{start.stream, start.was});
}

void move_on(moved& stream, const placed& happened, const event_log::meta& how)
{
    const aggregate_type& type = *stream.stream.type;
    const std::shared_ptr<const void> before = stream.now.state ? stream.now.state : type.initial();
    const stamp at{happened.version, how.occurred_at, how.by};
    stream.now.state = type.evolve(before.get(), happened.what->variant.get(), at);
    stream.now.at = {happened.version, happened.event_id};
}

standing shown_by(const entry& e, const stream_key& stream)
{
    for (const moved& each : e.moves)
        if (each.stream.is(stream))
            return each.now;
    return seen(e, stream).was;
}
}  // namespace

void decide(entry& e, working_set& set)
{
    round_view sight(set, e.asked().tenant);
    try
    {
        e.choice = judge(e.asked(), sight);
    }
    catch (...)
    {
        if (sight.is_complete())
            throw;
        e.choice.reset();  // it may have stumbled over what was not loaded yet
    }
    e.missing = sight.missing();
    e.looked = sight.take_looked();
    if (sight.is_spoiled())
        throw std::runtime_error("a stream could not be folded");
}

bool still_stands(const entry& e, working_set& set)
{
    return e.missing.empty() && std::all_of(e.looked.begin(), e.looked.end(), [&](const sighting& each) {
               const standing* now = set.find(each.stream);
               return now && now->at == each.was.at;
           });
}

void place(entry& e, working_set& set, schema::uuid_source& ids, std::int64_t now_us)
{
    const decision& choice = **e.choice;
    e.facts.clear();
    e.moves.clear();
    for (const fact& each : choice.facts)
    {
        moved& stream = move_of(e, each.stream);
        e.facts.push_back({&each, ids.next(now_us), stream.now.at.version + 1});
        move_on(stream, e.facts.back(), e.asked().meta);
    }
    if (choice.shown_as)
        e.shown = shown_by(e, choice.shows);
    for (const moved& each : e.moves)
        set.put(each.stream, each.now);
}

void take_back(entry& e, working_set& set)
{
    for (const moved& each : e.moves)
        set.put(each.stream, seen(e, each.stream.key()).was);
    e.moves.clear();
    e.facts.clear();
}
}  // namespace lanes
