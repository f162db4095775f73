// A command as a request would bring it, read by the same field rows: the same bounds and the same refusals.
#pragma once

#include "schemas/record.hpp"
#include "tools/clientflow/program.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace cli
{
// Throws `failure` (usage) that begins with `otherwise` and names every fault.
template <class Command>
Command read_command(std::string_view json, std::string otherwise)
{
    auto read = schema::read_json<Command>(json);
    if (read)
        return std::move(*read);
    for (const auto& fault : read.error())
        otherwise += "; " + fault.where.substr(fault.where.starts_with("#/") ? 2 : 0) + ": " + fault.message;
    throw failure(usage, "invalid", otherwise);
}
}  // namespace cli
