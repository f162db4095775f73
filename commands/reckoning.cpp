// The tables of what follows from facts.
#include "commands/reckoning.hpp"

#include "commands/api_key.hpp"
#include "commands/limits.hpp"
#include "commands/member.hpp"
#include "commands/org.hpp"
#include "events/client.hpp"
#include "events/comment.hpp"
#include "events/project.hpp"
#include "events/task.hpp"

#include <array>

namespace rules
{
namespace
{
using counted_fact = lanes::standing_rules::counted_fact;

template <class Event>
void settle_recorded(const event_log::recorded& happened, schema::opener* open, lanes::decision& into)
{
    if (const auto fact = schema::read_variant<Event>(happened.type, happened.data, open))
        settle(*fact, happened.stream, into);
}

struct claiming
{
    std::string_view category;
    void (*reckon)(const event_log::recorded&, schema::opener*, lanes::decision&);
};

constexpr std::array<claiming, 3> nouns{{
    {org::state::category, settle_recorded<org::event>},
    {member::state::category, settle_recorded<member::event>},
    {api_key::state::category, settle_recorded<api_key::event>},
}};

constexpr std::array<std::string_view, nouns.size()> categories{nouns[0].category, nouns[1].category,
                                                                nouns[2].category};

template <class Fact>
constexpr counted_fact counts(std::string_view metric, std::string_view category, std::int64_t amount)
{
    return {metric, category, schema::schema_of<Fact>.name, amount};
}

constexpr std::array counted{
    counts<member::added>(limits::members, "member", 1),
    counts<member::removed>(limits::members, "member", -1),
    counts<client::created>(limits::clients, "client", 1),
    counts<client::restored>(limits::clients, "client", 1),
    counts<client::archived>(limits::clients, "client", -1),
    counts<project::created>(limits::projects, "project", 1),
    counts<project::restored>(limits::projects, "project", 1),
    counts<project::archived>(limits::projects, "project", -1),
    counts<task::created>(limits::tasks, "task", 1),
    counts<task::restored>(limits::tasks, "task", 1),
    counts<task::archived>(limits::tasks, "task", -1),
    counts<comment::created>(limits::comments, "comment", 1),
    counts<comment::restored>(limits::comments, "comment", 1),
    counts<comment::archived>(limits::comments, "comment", -1),
};

void reckon(const event_log::recorded& happened, schema::opener* open, lanes::decision& into)
{
    for (const auto& each : nouns)
        if (each.category == happened.stream.category)
            each.reckon(happened, open, into);
}
}  // namespace

const lanes::standing_rules& standing_rules()
{
    static constexpr lanes::standing_rules all{categories, reckon, counted};
    return all;
}
}  // namespace rules
