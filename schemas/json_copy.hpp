// A parsed value written again, with its members as they came or sorted by the bytes of their names.
#pragma once

#include "schemas/json.hpp"
#include "schemas/json_writer.hpp"

namespace schema
{
enum class member_order
{
    as_given,
    sorted
};

void write_node(json_writer&, const json::node&, member_order);
}  // namespace schema
