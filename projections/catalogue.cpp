#include "projections/catalogue.hpp"

#include "projections/api_key.hpp"
#include "projections/audit_log.hpp"
#include "projections/client.hpp"
#include "projections/comment.hpp"
#include "projections/member.hpp"
#include "projections/org.hpp"
#include "projections/project.hpp"
#include "projections/task.hpp"
#include "projections/time_entry.hpp"

#include <algorithm>
#include <array>

namespace projection
{
std::span<const definition* const> read_models()
{
    static const std::array<const definition*, 9> all{
        &org::read_model(),     &member::read_model(),     &api_key::read_model(),
        &client::read_model(),  &project::read_model(),    &task::read_model(),
        &comment::read_model(), &time_entry::read_model(), &audit_log::read_model()};
    return all;
}

const definition* read_model_named(std::string_view name)
{
    const auto all = read_models();
    const auto found = std::ranges::find(all, name, [](const definition* of) { return of->name; });
    return found == all.end() ? nullptr : *found;
}
}  // namespace projection
