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
        {"org", "org", org::facts(), &org::item_type()},
        {"member", "member", member::facts(), &member::item_type()},
        {"api_key", "key", api_key::facts(), &api_key::item_type()},
        {"client", "client", client::facts(), &client::item_type()},
        {"project", "project", project::facts(), &project::item_type()},
        {"task", "task", task::facts(), &task::item_type()},
        {"comment", "comment", comment::facts(), &comment::item_type()},
        {"time_entry", "entry", time_entry::facts(), &time_entry::item_type()},
    };
}

namespace
{
const std::vector<noun>& nouns()
{
    static const std::vector<noun> all = catalogue();
    return all;
}
}  // namespace

std::string text_of(std::string_view category, const schema::uuid& id)
{
    std::string made{category};
    for (const noun& each : nouns())
        if (each.category == category)
            made = each.prefix;
    return made.append("_").append(id.base32());
}

std::optional<thing> read_thing(std::string_view text)
{
    const auto line = text.rfind('_');
    const auto id = line == std::string_view::npos ? std::nullopt : schema::uuid::parse_base32(text.substr(line + 1));
    if (id)
        for (const noun& each : nouns())
            if (each.prefix == text.substr(0, line))
                return thing{std::string{each.category}, *id};
    return std::nullopt;
}

const schema::record_type* fact_named(std::string_view type)
{
    for (const noun& each : nouns())
        for (const schema::record_type* fact : each.facts)
            if (fact->name == type)
                return fact;
    return nullptr;
}
}  // namespace event_log
