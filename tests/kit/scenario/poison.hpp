// An event that no read model can fold, planted behind a thing of an organisation, and its mending.
//
// It goes through the log's own door, so lane, position and version are as they should be; only what it says is not
// what its type promises, as if a damaged program had written it, or a later one that was taken back.
#pragma once

#include "tests/kit/scenario/site.hpp"

#include <string>

namespace scenario
{
enum class poison_kind
{
    bad_data,         // of a project: data that are no fact's
    unknown_version,  // of a project: a shape of the fact that is yet to come
    unknown_type      // of an API key, whose facts no stream tells: a fact that is yet to come
};

struct poisoned
{
    poison_kind kind = poison_kind::bad_data;
    std::string thing;   // project_… or key_…
    std::string event;   // its uuid
    std::string type;    // what it should have said
    std::string mended;  // likewise, its data
};

// Of the thing of that name, which nobody else writes.
poisoned plant_poison(const site&, poison_kind, const std::string& name, const std::string& id);

// Puts the event right, as nobody but a superuser who switches triggers off can; and what was appended of it, in every
// version, since an event's type is never changed. No version is being built then.
void mend(const site&, const poisoned&);
}  // namespace scenario
