// The body of an operation under /api/admin, as its record; refused as the API refuses bodies.
#pragma once

#include "http/server/operations.hpp"
#include "schemas/record.hpp"

#include <utility>

namespace cli
{
// Throws http::operation_refused.
template <class Body>
Body read_operation_body(const http::operation_call& call)
{
    auto read = schema::read_json<Body>(call.body);
    if (read)
        return std::move(*read);
    auto why = http::make_problem(read.error().front().code == "malformed" ? "malformed" : "invalid");
    why.faults = std::move(read.error());
    throw http::operation_refused{std::move(why)};
}
}  // namespace cli
