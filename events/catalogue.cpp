// The list of nouns.
#include "events/catalogue.hpp"

#include "events/api_key.hpp"
#include "events/client.hpp"
#include "events/comment.hpp"
#include "events/member.hpp"
#include "events/org.hpp"
#include "events/project.hpp"
#include "events/task.hpp"
#include "events/time_entry.hpp"

namespace event_log
{
std::vector<noun> catalogue()
{
    return {
        {"org", org::facts(), &org::item_type()},
        {"member", member::facts(), &member::item_type()},
        {"api_key", api_key::facts(), &api_key::item_type()},
        {"client", client::facts(), &client::item_type()},
        {"project", project::facts(), &project::item_type()},
        {"task", task::facts(), &task::item_type()},
        {"comment", comment::facts(), &comment::item_type()},
        {"time_entry", time_entry::facts(), &time_entry::item_type()},
    };
}

const schema::record_type* fact_named(std::string_view type)
{
    static const std::vector<noun> nouns = catalogue();
    for (const noun& each : nouns)
        for (const schema::record_type* fact : each.facts)
            if (fact->name == type)
                return fact;
    return nullptr;
}
}  // namespace event_log
