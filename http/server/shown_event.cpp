#include "http/server/shown_event.hpp"

#include "events/public_event.hpp"
#include "http/server/position_token.hpp"

#include <algorithm>

namespace http
{
namespace
{
std::string block(std::string_view place, std::string_view type, std::string_view data)
{
    std::string text{"id: "};
    return text.append(place).append("\nevent: ").append(type).append("\ndata: ").append(data).append("\n\n");
}

bool is_name(std::string_view text)
{
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
    });
}
}  // namespace

event_presenter::event_presenter(event_log::keyring& ring, event_log::store_config store)
    : keys_(ring, std::move(store)), open_(keys_.open())
{}

std::shared_ptr<const void> event_presenter::prepare(std::span<const event_log::recorded> events)
{
    return keys_.fetch(events);
}

event_feed::shown event_presenter::show(const event_log::recorded& happened, std::string_view incarnation)
{
    const auto type = event_log::public_name_of(happened.type);
    if (type.empty())
        return nullptr;
    std::unique_ptr<schema::opener> opener;
    try
    {
        opener = open_(happened);
    }
    catch (const std::exception&)  // a key that cannot be unwrapped: the event is told without its data
    {}
    try
    {
        return std::make_shared<event_feed::shown_event>(
            show_event(type, event_log::cloud_event(happened, incarnation, opener.get()), incarnation, happened.at));
    }
    catch (const std::exception&)  // damaged around its data: nothing can be said
    {
        return nullptr;
    }
}

event_feed::shown_event show_event(std::string_view type, std::string_view json, std::string_view incarnation,
                                   const event_log::position& at)
{
    event_feed::shown_event made;
    made.seq = at.seq;
    made.type = type;
    made.text = block(write_position({std::string{incarnation}, at}), type, json);
    made.json_size = json.size();
    made.json_at = made.text.size() - 2 - json.size();
    return made;
}

std::string first_block(std::string_view place, int retry_ms)
{
    return "retry: " + std::to_string(retry_ms) + "\nid: " + std::string{place} + "\n\n";
}

std::string comment_block(std::string_view place) { return ": still here\nid: " + std::string{place} + "\n\n"; }

std::string reset_block(std::string_view place)
{
    return block(place, "clientflow.reset", R"({"reason":"the store began another history; read anew what you keep"})");
}

std::string cut_block(std::string_view place, std::string_view reason)
{
    return block(place, "clientflow.cut", "{\"reason\":\"" + std::string{reason} + "\"}");
}

std::optional<type_filter> type_filter::read(std::string_view text)
{
    type_filter made;
    if (text.empty())
        return made;
    made.takes_all_ = false;
    for (std::size_t count = 0; !text.empty(); ++count)
    {
        const auto comma = text.find(',');
        auto one = text.substr(0, comma);
        const bool goes_on = comma != std::string_view::npos;
        text = goes_on ? text.substr(comma + 1) : std::string_view{};
        if (count == patterns_max || (goes_on && text.empty()))
            return std::nullopt;
        if (one == "*")
            made.takes_all_ = true;
        else if (one.ends_with(".*") && is_name(one.substr(0, one.size() - 2)))
            made.beginnings_.emplace_back(one.substr(0, one.size() - 1));
        else if (is_name(one))
            made.exact_.emplace_back(one);
        else
            return std::nullopt;
    }
    return made;
}

bool type_filter::takes(std::string_view type) const
{
    return takes_all_ || std::find(exact_.begin(), exact_.end(), type) != exact_.end() ||
           std::any_of(beginnings_.begin(), beginnings_.end(),
                       [&](const std::string& beginning) { return type.starts_with(beginning); });
}
}  // namespace http
