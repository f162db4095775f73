// The list of nouns.
#include "commands/catalogue.hpp"

#include "commands/api_key.hpp"
#include "commands/client.hpp"
#include "commands/comment.hpp"
#include "commands/member.hpp"
#include "commands/org.hpp"
#include "commands/project.hpp"
#include "commands/task.hpp"
#include "commands/time_entry.hpp"

namespace rules
{
std::vector<std::span<const schema::record_type* const>> commands_catalogue()
{
    return {org::commands(),     member::commands(), api_key::commands(), client::commands(),
            project::commands(), task::commands(),   comment::commands(), time_entry::commands()};
}
}  // namespace rules
