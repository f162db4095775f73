// The body of POST /api/v1/batch, read: which commands, as which requests. It knows no route.
//
//     {"atomic": true, "commands": [{"method": "POST", "path": "/api/v1/clients", "body": {…},
//                                    "idempotency_key": "k", "if_match": "\"3\""}]}
//
// Pure and thread-safe. Source: the public contract; the answer has the form of every list, {"data": […]}.
#pragma once

#include "http/server/message.hpp"
#include "schemas/json_writer.hpp"
#include "schemas/result.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace http
{
inline constexpr std::string_view batch_path = "/api/v1/batch";
inline constexpr std::size_t batch_commands_max = 100;

// One command as the request it stands for. Whether there is such a route is for the router to say.
struct batch_command
{
    verb method = verb::post;
    std::string path;  // visible ASCII, with its query string if any
    std::string body;  // JSON; empty: none
    std::optional<std::string> idempotency_key;
    std::optional<std::string> if_match;
};

struct batch_body
{
    bool atomic = false;  // when left out
    std::vector<batch_command> commands;
};

// Faults of form, all at once, with pointers into the body ("#/commands/3/method"); a malformed text is the only one.
// An atomic batch that names an idempotency key twice is at fault: its commands could not be told apart.
schema::result<batch_body, schema::faults> read_batch(std::string_view);

// Appends {"status", "headers", "body"}: what a connection would have written.
void write_batched(schema::json_writer&, const reply&);

// What the document says about both: JSON Schema, as objects.
void describe_batch(schema::json_writer&);
void describe_batched(schema::json_writer&);
}  // namespace http
