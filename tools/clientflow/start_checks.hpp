// What must hold before this process serves anything; `doctor` looks at the same and at more.
#pragma once

#include "tools/clientflow/settings.hpp"

namespace cli
{
// Throws `failure` with a sentence that says what is wrong and what to do: the schema is unknown, older or newer, row
// security is not as it must be, the server does not keep what it confirms, the master key is missing.
void refuse_to_start_unless_sound(const settings&);
}  // namespace cli
