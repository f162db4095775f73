// The list of nouns.
#include "events/catalogue.hpp"

#include "events/access.hpp"
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
namespace
{
template <class Event>
std::string show(std::string_view type, std::string_view data, schema::opener* open)
{
    std::string text;
    if (const auto happened = schema::read_variant<Event>(type, data, open))
        std::visit([&](const auto& fact) { schema::write_json(fact, text); }, *happened);
    return text;
}
}  // namespace

std::vector<noun> catalogue()
{
    return {
        {"org", "org", org::facts(), &org::item_type(), show<org::event>},
        {"member", "member", member::facts(), &member::item_type(), show<member::event>},
        {"api_key", "key", api_key::facts(), &api_key::item_type(), show<api_key::event>},
        {"client", "client", client::facts(), &client::item_type(), show<client::event>},
        {"project", "project", project::facts(), &project::item_type(), show<project::event>},
        {"task", "task", task::facts(), &task::item_type(), show<task::event>},
        {"comment", "comment", comment::facts(), &comment::item_type(), show<comment::event>},
        {"time_entry", "entry", time_entry::facts(), &time_entry::item_type(), show<time_entry::event>},
        {"access", "access", accesses::facts(), &accesses::item_type(), show<accesses::event>},
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

std::string show_fact(std::string_view type, std::string_view data, schema::opener* open)
{
    for (const noun& each : nouns())
        if (auto text = each.show(type, data, open); !text.empty())
            return text;
    return {};
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
