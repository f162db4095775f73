// Lifts events stored in an old shape to the newest one, on reading; what is stored is never touched.
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

// Does nothing to an event of the newest version. Throws std::runtime_error when `data` is not what that version wrote.
void lift(recorded&);
}  // namespace event_log
