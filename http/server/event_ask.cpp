#include "http/server/event_ask.hpp"

#include "http/server/query_string.hpp"
#include "projections/runner/list.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace http
{
namespace
{
std::optional<std::int64_t> whole_number(std::string_view text)
{
    std::int64_t n = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (text.empty() || end != text.data() + text.size() || fault == std::errc::invalid_argument)
        return std::nullopt;
    return fault == std::errc{} ? n : text.front() == '-' ? 0 : projection::limit_max;
}

bool read_place(call& c, std::string_view text, event_ask& into, const problem& otherwise)
{
    into.after = read_position(text);
    if (!into.after)
        c.refuse(otherwise);
    return into.after.has_value();
}

bool read_parameter(call& c, const std::string& name, const std::string& value, event_ask& into)
{
    if (name == "limit")
    {
        const auto number = whole_number(value);
        if (!number || *number < 1)
            return c.refuse(bad_query(name, "It is a whole number from 1 on.")), false;
        into.limit = std::min<std::int64_t>(*number, projection::limit_max);
    }
    else if (name == "types")
    {
        const auto filter = type_filter::read(value);
        if (!filter)
            return c.refuse(bad_query(name, "It is a list of event types: project.*,task.completed")), false;
        into.types = *filter;
    }
    else if (name == "after" && value.empty())
        into.from_first = true;
    else if (name == "after")
        return read_place(c, value, into, bad_query(name, "It is not a position of this service."));
    return true;
}
}  // namespace

std::optional<event_ask> read_event_ask(call& c, const std::set<std::string_view>& names, bool header_wins)
{
    const auto sent = read_query(c.in->query);
    if (!sent)
        return c.refuse(bad_query("query", "It is not percent-encoded UTF-8.")), std::nullopt;
    event_ask made;
    std::set<std::string_view> seen;
    const auto last = header_wins ? c.in->field("last-event-id") : std::string_view{};
    for (const auto& [name, value] : *sent)
    {
        if (!names.contains(name))
            return c.refuse(bad_query(name, "This route takes no such parameter.")), std::nullopt;
        if (!seen.insert(name).second)
            return c.refuse(bad_query(name, "It is given twice.")), std::nullopt;
        if (name == "after" && !last.empty())
            continue;
        if (!read_parameter(c, name, value, made))
            return std::nullopt;
    }
    if (!last.empty() &&
        !read_place(c, last, made, bad_header("Last-Event-ID", "It is not a position of this service.")))
        return std::nullopt;
    return made;
}

starting_place find_start(const event_ask& asked, const principal& who, const event_feed::fan_out::look& now,
                          bool from_end)
{
    using kind = starting_place::kind;
    if (!asked.after)
        return {kind::place, asked.from_first || !from_end ? 0 : now.head};
    if (asked.after->incarnation != now.incarnation)
        return {kind::other_history, now.head};
    const auto after = asked.after->in(who.lane);
    if (!after)
        return {kind::other_lane, 0};
    return {after->seq > now.head ? kind::other_history : kind::place, std::min(after->seq, now.head)};
}

void gate::arm(waker to)
{
    const std::lock_guard lock{mutex_};
    to_ = std::move(to);
    armed_ = true;
}

bool gate::disarm()
{
    const std::lock_guard lock{mutex_};
    return std::exchange(armed_, false);
}

void gate::open(waker to)
{
    const std::lock_guard lock{mutex_};
    to_ = std::move(to);
    is_open_ = true;
}

void gate::fire()
{
    waker who;
    {
        const std::lock_guard lock{mutex_};
        if (!std::exchange(armed_, false) && !is_open_)
            return;
        who = to_;
    }
    who();
}
}  // namespace http
