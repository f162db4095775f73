// Everything that the log may hold and every item that an answer may show, as schemas: what `schemas emit` writes down
// and the drift test compares. A new noun adds one line to catalogue.cpp.
#pragma once

#include "schemas/record.hpp"
#include "schemas/sealing.hpp"
#include "schemas/uuid.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace event_log
{
struct noun
{
    std::string_view category;  // of its streams
    std::string_view prefix;    // of its ids
    std::span<const schema::record_type* const> facts;
    const schema::record_type* item = nullptr;
    // A fact in its newest shape as JSON, personal values in clear where the opener can and null where they are
    // forgotten; empty: a type this noun does not know. Throws std::runtime_error on data that is not the fact's.
    std::string (*show)(std::string_view type, std::string_view data, schema::opener*) = nullptr;
};

// In the order in which the nouns depend on each other.
std::vector<noun> catalogue();

// A thing as people write it, "task_01h…", and as the log names its stream.
struct thing
{
    std::string category;
    schema::uuid id;
};
std::string text_of(std::string_view category, const schema::uuid& id);
std::optional<thing> read_thing(std::string_view text);  // nothing: no noun has such ids

// As `noun::show`, of whichever noun knows the type.
std::string show_fact(std::string_view type, std::string_view data, schema::opener*);

// The description of a stored event type, nothing when no noun knows it.
const schema::record_type* fact_named(std::string_view type);
}  // namespace event_log
