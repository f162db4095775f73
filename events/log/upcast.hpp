// Lifts events stored in an old shape to the newest one, on decoding; what is stored is never touched.
//
// When a fact gets a new schema version, it keeps its name, and the way from the version before is added here. Ways are
// taken one after another, so each is written once and against its neighbour only. Sealed values must stay where they
// are: the place is part of the seal. Everything is pure and thread-safe.
#pragma once

#include "events/log/envelope.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace schema
{
struct record_type;
}

namespace event_log
{
struct upcaster
{
    std::string_view type;
    std::int32_t from_version = 1;
    const char* what;  // one sentence
    std::string (*lift)(std::string_view data);
};

// All ways there are.
std::span<const upcaster> upcasters();

// The versions of these facts that no way leads on from, each as "task.created: version 1 is not lifted". Not empty: a
// fact got a new version, and its old events can no longer be read.
std::vector<std::string> missing_ways(std::span<const schema::record_type* const> facts, std::span<const upcaster>);

// Does nothing to an event of the newest version. Throws std::runtime_error when `data` is not what that version wrote,
// and for a version that is newer than this build: who went back to an older one must not read half of an event.
void lift(recorded&);

// The event in its newest shape: itself, or lifted into `room`. Throws as above. For whoever decodes an event, so that
// one which cannot be read fails its own stream and no other.
const recorded& newest_shape(const recorded&, recorded& room);
}  // namespace event_log
