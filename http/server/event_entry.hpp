// An event as people look back on it: one entry of a history, of the activity or of the audit log.
//
// The members are the same everywhere. What changed is told in one of two ways: a history folds its thing and compares
// the item before and after; a page of many things takes what each fact says by itself, which leaves out what only
// follows from it (`archived_at`, `completed_at`). Pure, thread-safe.
#pragma once

#include "events/log/envelope.hpp"
#include "schemas/json_writer.hpp"
#include "schemas/record.hpp"

#include <string>
#include <string_view>

namespace http
{
// Members from `event_id` to `changes`, into an object that is open. `data`: the fact in clear, empty when it cannot be
// shown; `changes`: a JSON array.
void write_event(schema::json_writer&, const event_log::recorded&, const event_log::meta&, std::string_view data,
                 std::string_view changes);

// The members in which two items differ, as a JSON array of {pointer, old, new}; of an item that was not there before
// all that are set. Version and times of the item itself are left out. Throws std::logic_error on what is no item.
std::string changes_between(std::string_view before, std::string_view after);

// The members of the item that a fact (as JSON, in clear) says to have another value, likewise; of the first fact of a
// thing all that it sets. Both values of a forgotten person are null.
std::string changes_told(const schema::record_type& fact, const schema::record_type& item, bool is_first,
                         std::string_view data);

// The fact without what its description calls secret.
std::string without_secrets(const schema::record_type& fact, std::string data);
}  // namespace http
