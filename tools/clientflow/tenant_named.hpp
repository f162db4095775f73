// An organisation as operators name it: by its id, or by its slug.
#pragma once

#include "schemas/uuid.hpp"
#include "tools/clientflow/settings.hpp"

#include <string>

namespace cli
{
// A slug is looked up among the platform's claims, which takes the master key. Throws `failure` (not_found; usage: it
// is neither) and event_log::unreachable. Whether an id is anybody's is not asked.
schema::uuid tenant_named(const settings&, const std::string& id_or_slug);
}  // namespace cli
