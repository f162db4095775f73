// A round as the append functions of the database want it: lanes, and one array per part.
//
// Pure; good as long as the round it was made of. What a command builds on inside its round is compared here; what it
// expects from outside goes to the database.
#pragma once

#include "events/log/store.hpp"
#include "events/log/wire.hpp"

#include <map>
#include <string>
#include <vector>

namespace event_log
{
// The types of schema es by name, as this database numbers them.
using type_numbers = std::map<std::string, wire::oid>;

struct round_plan
{
    std::vector<std::int32_t> lanes;  // ascending
    bool writes = false;              // else the round only expects
    bool needs_care = false;          // commands contradict each other inside the round

    std::vector<std::string> fast;  // parameters 2… of es.append

    // Per command: where its last event stands, counted from the lane's head before the round; without events the same
    // of its lane at that point.
    struct place
    {
        std::size_t lane_at = 0;  // into `lanes`
        std::int64_t nth = 0;
    };
    std::vector<place> lasts;

    // Heads expected from outside, each once, where they stand in the round; and per command which of them it rests on
    // (only of rounds that write nothing).
    std::vector<const expected_head*> outside;
    std::vector<std::vector<std::size_t>> rests_on;
    std::vector<bool> contradicts;  // per command: another head of the same stream was expected before
};

// Breaks off (CF_ASSERT) on a round that no writer makes: events not contiguous after their expected heads, an event
// without an expected head, a stream of a third tenant, two changes of one metric in a command, a group torn apart.
round_plan plan_round(const round&, const type_numbers&);
// Parameters of es.rehearse.
std::vector<std::string> rehearsal_parameters(const command_part&, const type_numbers&);
std::vector<std::string> careful_parameters(const round&, const round_plan&, const type_numbers&);
}  // namespace event_log
