// An event that no read model can fold, planted behind a project of an organisation, and its mending.
//
// It goes through the log's own door, so lane, position and version are as they should be; only its data is not what
// its type promises, as if a damaged program had written it.
#pragma once

#include "tests/kit/scenario/site.hpp"

#include <string>

namespace scenario
{
struct poisoned
{
    std::string project;  // project_…
    std::string event;    // its uuid
    std::string mended;   // the data it should have had
};

// Of the project of that name, which nobody else writes.
poisoned plant_poison(const site&, const std::string& project_name, const std::string& project_id);

// Puts the data right, as nobody but a superuser who switches triggers off can.
void mend(const site&, const poisoned&);
}  // namespace scenario
