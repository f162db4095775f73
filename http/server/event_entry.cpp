#include "http/server/event_entry.hpp"

#include "events/log/meta.hpp"
#include "schemas/json.hpp"
#include "schemas/json_copy.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <utility>
#include <vector>

namespace http
{
namespace
{
using schema::json_writer;

using member_texts = std::vector<std::pair<std::string, std::string>>;

std::string json_of(const schema::json::node& value)
{
    std::string text;
    json_writer json{text};
    schema::write_node(json, value, schema::member_order::as_given);
    return text;
}

bool is_of_the_item_itself(std::string_view name)
{
    return name == "id" || name == "version" || name == "created_at" || name == "updated_at";
}

member_texts members_of(std::string_view item)
{
    schema::json::document parsed;
    if (!parsed.parse(item))
        throw std::logic_error{"an item is no JSON: " + parsed.problem()};
    member_texts found;
    for (schema::json::members walk{parsed.root()}; walk.next();)
        if (!is_of_the_item_itself(walk.key))
            found.emplace_back(walk.key, json_of(walk.value));
    return found;
}

void write_change(json_writer& json, std::string_view name, std::string_view was, std::string_view now)
{
    json.begin_object().member("pointer", "/" + std::string{name}).key("old").raw(was).key("new").raw(now).end_object();
}

const schema::field_row* row_named(const schema::record_type& of, std::string_view name)
{
    const auto* const found = std::find_if(of.begin(), of.end(), [&](const auto& each) { return each.name == name; });
    return found == of.end() ? nullptr : found;
}

// `{"old": …, "new": …}`, perhaps absent, perhaps of a forgotten person.
bool is_change(const schema::field_row& row)
{
    const schema::leaf* what = row.type;
    while (what->inner != nullptr && (what->what == schema::kind::optional || what->what == schema::kind::patch ||
                                      what->what == schema::kind::personal))
        what = what->inner;
    return what->what == schema::kind::record && what->record->name == "change";
}

void write_told(json_writer& json, std::string_view name, const schema::json::node& edit)
{
    schema::json::node was, now;
    const bool is_known = schema::json::type_of(edit) == schema::json::node_type::object &&
                          schema::json::find(edit, "old", was) && schema::json::find(edit, "new", now);
    write_change(json, name, is_known ? json_of(was) : "null", is_known ? json_of(now) : "null");
}
}  // namespace

void write_event(json_writer& json, const event_log::recorded& happened, const event_log::meta& how,
                 std::string_view data, std::string_view changes)
{
    json.member("event_id", "evt_" + happened.event_id.base32()).member("type", happened.type);
    json.key("version").integer(happened.version);
    json.member("occurred_at", how.occurred_at.text()).member("recorded_at", happened.recorded_at.text());
    json.key("actor").begin_object();
    json.member("type", schema::names_of<event_log::actor_type>[static_cast<std::size_t>(how.by.type)]);
    const auto or_null = [&](std::string_view name, const std::string& text) {
        json.key(name);
        text.empty() ? json.null() : json.string(text);
    };
    // Which of the platform's people it was is the platform's own affair.
    or_null("id", how.by.type == event_log::actor_type::operator_ ? std::string{} : how.by.id);
    json.end_object();
    or_null("on_behalf_of", how.on_behalf_of);
    or_null("request_id", how.request_id);
    json.key("data").raw(data.empty() ? "null" : data).key("changes").raw(changes);
}

std::string changes_between(std::string_view before, std::string_view after)
{
    const auto old_members = before.empty() ? member_texts{} : members_of(before);
    const std::map<std::string_view, std::string_view> old_texts(old_members.begin(), old_members.end());
    std::string text;
    json_writer json{text};
    json.begin_array();
    for (const auto& [name, now] : members_of(after))
    {
        const auto known = old_texts.find(name);
        const std::string_view was = known == old_texts.end() ? "null" : known->second;
        if (was != now)
            write_change(json, name, was, now);
    }
    json.end_array();
    return text;
}

std::string changes_told(const schema::record_type& fact, const schema::record_type& item, bool is_first,
                         std::string_view data)
{
    schema::json::document parsed;
    if (!parsed.parse(data))
        throw std::logic_error{"a fact is no JSON: " + parsed.problem()};
    std::string text;
    json_writer json{text};
    json.begin_array();
    for (schema::json::members walk{parsed.root()}; walk.next();)
    {
        const auto* row = row_named(fact, walk.key);
        if (row == nullptr || is_of_the_item_itself(walk.key) || row_named(item, walk.key) == nullptr)
            continue;
        if (is_change(*row))
            write_told(json, walk.key, walk.value);
        else if (is_first && schema::json::type_of(walk.value) != schema::json::node_type::null)
            write_change(json, walk.key, "null", json_of(walk.value));
    }
    json.end_array();
    return text;
}

std::string without_secrets(const schema::record_type& fact, std::string data)
{
    if (std::none_of(fact.begin(), fact.end(), [](const auto& row) { return row.secret; }))
        return data;
    schema::json::document parsed;
    if (!parsed.parse(data))
        throw std::logic_error{"a fact is no JSON: " + parsed.problem()};
    std::string text;
    json_writer json{text};
    json.begin_object();
    for (schema::json::members walk{parsed.root()}; walk.next();)
        if (const auto* row = row_named(fact, walk.key); row == nullptr || !row->secret)
            json.key(walk.key).raw(json_of(walk.value));
    json.end_object();
    return text;
}
}  // namespace http
