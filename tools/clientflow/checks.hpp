// What `doctor` looks at: what the log needs of its server (events/log/self_check.hpp), the read models beside it, and
// this machine.
//
// Each check is named, says in a sentence what it found and what to do, and is fatal when serving would break a promise
// (an answer that is not durable, a tenant that sees another's rows). Start-up runs the fatal ones.
#pragma once

#include "tools/clientflow/settings.hpp"

#include <string>
#include <vector>

namespace cli
{
struct check_result
{
    std::string name;  // "fsync": stable
    bool well = true;
    bool fatal = false;
    std::string detail;  // why it is not well
};

// Every check, in a fixed order. What cannot be asked because the store is away is left out behind "store".
std::vector<check_result> run_checks(const settings&);
}  // namespace cli
