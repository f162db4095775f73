// The `meta` column: how an event came about, as JSON.
//
//     {"actor": {"type": "key", "id": "key_…"}, "request_id": "…", "correlation_id": "…", …, "occurred_at": "…",
//      "client": {"$sealed": …}}
//
// Members that are empty are left out. Address and user agent are one sealed value, `client`.
#pragma once

#include "events/log/envelope.hpp"
#include "schemas/record.hpp"
#include "schemas/sealing.hpp"

#include <array>
#include <string>
#include <string_view>

namespace event_log
{
// Appends to `out`. `subject`: whose person's data address and user agent are.
void write_meta(const meta&, const uuid& subject, std::string& out, schema::sealer*);

// Address and user agent stay empty without an opener, and when their subject is forgotten.
// Throws std::runtime_error when the text is not what write_meta writes.
meta read_meta(std::string_view text, schema::opener* = nullptr);

// What a fold may know of a recorded event.
stamp stamp_of(const recorded&);
}  // namespace event_log

template <>
inline constexpr auto schema::names_of<event_log::actor_type> =
    std::array<std::string_view, 4>{"member", "key", "operator", "system"};
