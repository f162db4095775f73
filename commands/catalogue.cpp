// The list of nouns.
#include "commands/catalogue.hpp"

#include "commands/access.hpp"
#include "commands/api_key.hpp"
#include "commands/client.hpp"
#include "commands/comment.hpp"
#include "commands/member.hpp"
#include "commands/org.hpp"
#include "commands/project.hpp"
#include "commands/task.hpp"
#include "commands/time_entry.hpp"

#include <algorithm>
#include <array>

namespace rules
{
std::vector<std::span<const schema::record_type* const>> commands_catalogue()
{
    return {org::commands(),  member::commands(),  api_key::commands(),    client::commands(),  project::commands(),
            task::commands(), comment::commands(), time_entry::commands(), accesses::commands()};
}

const lanes::aggregate_type* aggregate_named(std::string_view category)
{
    static const std::array<const lanes::aggregate_type*, 9> all{
        &lanes::aggregate_of<org::state>(),     &lanes::aggregate_of<member::state>(),
        &lanes::aggregate_of<api_key::state>(), &lanes::aggregate_of<client::state>(),
        &lanes::aggregate_of<project::state>(), &lanes::aggregate_of<task::state>(),
        &lanes::aggregate_of<comment::state>(), &lanes::aggregate_of<time_entry::state>(),
        &lanes::aggregate_of<accesses::state>()};
    const auto found = std::ranges::find(all, category, &lanes::aggregate_type::category);
    return found == all.end() ? nullptr : *found;
}
}  // namespace rules
