// The public catalogue: what the world outside hears of facts, and under which name.
//
// Names and meanings are public and stay for ever: add a row, never edit one. A fact that stands in no row is ours
// alone. One fact is one event: several kinds of change may share a name, and `dataschema` tells which of them it was.
// Source: CloudEvents 1.0, JSON format.
#pragma once

#include "events/log/envelope.hpp"
#include "schemas/sealing.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace event_log
{
struct public_name
{
    std::string_view fact;    // "project.archived"
    std::string_view shown;   // "project.deleted"
    std::string_view detail;  // one sentence
};

std::span<const public_name> public_names();

// Empty: the fact stays inside.
std::string_view public_name_of(std::string_view fact);

// The event as one line of structured JSON, under its public name: the newest shape, personal values opened, forgotten
// ones null. `data` is null when this build cannot read what was stored. Throws std::runtime_error when the event's
// surroundings cannot be read.
std::string cloud_event(const recorded&, std::string_view incarnation, schema::opener*);
}  // namespace event_log
