// The migrations this program brings along, as the migrator wants them.
#pragma once

#include "events/log/migrator.hpp"

#include <vector>

namespace cli
{
const std::vector<event_log::migration>& wanted_migrations();
}  // namespace cli
