// `clientflow tenant plan|suspend|resume`: what only operators decide of an organisation.
#pragma once

#include "tools/clientflow/program.hpp"

namespace cli
{
void add_standing_verbs(CLI::App& tenant, program&);
}  // namespace cli
