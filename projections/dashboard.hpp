// What the dashboard shows: the tenant's running totals, or the same recounted for one client.
//
// Without a client it reads totals that the runner keeps, so it costs the same with a thousand tasks and a million. For
// one client it counts that client's projects and tasks by their rows. Months are the organisation's: PostgreSQL forms
// them from quarters of an hour in its zone. Creations count for ever, all else only what is not archived.
#pragma once

#include "projections/runner/reader.hpp"
#include "schemas/uuid.hpp"

#include <optional>

namespace dashboard
{
// {"totals": {…}, "projects_by_status": {…}, "tasks_by_status": {…}, "created_per_month": […], "done_per_member": […],
//  "budgets_by_currency": […]}
// With a client that the tenant does not have: all counts of projects and tasks are 0.
projection::item read(projection::reader&, const schema::uuid& tenant, const std::optional<schema::uuid>& client = {});
}  // namespace dashboard
