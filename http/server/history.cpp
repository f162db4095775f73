#include "http/server/history.hpp"

#include "commands/lanes/loading.hpp"
#include "events/catalogue.hpp"
#include "events/log/meta.hpp"
#include "http/server/event_entry.hpp"
#include "http/server/query_string.hpp"
#include "http/server/signed_cursor.hpp"
#include "schemas/json_writer.hpp"

#include <algorithm>
#include <deque>
#include <memory>
#include <set>
#include <utility>

namespace http
{
namespace
{
using schema::json_writer;

// -- Pages.

constexpr std::size_t page_bytes_max = 1 << 20;  // then a page ends, however few events it has

struct page_asked
{
    std::int64_t after = 0;              // the page begins behind this version
    std::optional<std::int64_t> before;  // or ends in front of this one
    std::int64_t limit = projection::limit_default;
};

cursor_binding bound_by(std::string_view secret) { return {"history", {}, secret}; }

// "12" leads on behind version 12, "<12" back from it.
bool read_cursor(const call& c, std::string_view cursor, std::string_view secret, page_asked& asked)
{
    const auto payload = open_cursor(c, bound_by(secret), cursor);
    if (!payload)
        return false;
    const bool leads_back = payload->starts_with('<');
    const auto version = whole_number(std::string_view{*payload}.substr(leads_back ? 1 : 0)).value_or(0);
    if (leads_back)
        asked.before = version;
    else
        asked.after = version;
    return true;
}

// False: refused.
bool read_page(call& c, std::string_view secret, page_asked& asked)
{
    const auto sent = read_query(c.in->query);
    if (!sent)
        return c.refuse(bad_query("query", "It is not percent-encoded UTF-8.")), false;
    std::set<std::string_view> seen;
    for (const auto& [name, value] : *sent)
    {
        const auto number = whole_number(value);
        if (!seen.insert(name).second)
            return c.refuse(bad_query(name, "It is given twice.")), false;
        if (name == "limit" && number && *number >= 1)
            asked.limit = std::min<std::int64_t>(*number, projection::limit_max);
        else if (name == "limit")
            return c.refuse(bad_query(name, "It is a whole number from 1 on.")), false;
        else if (name == "cursor")
        {
            if (!read_cursor(c, value, secret, asked))
                return c.refuse("bad_cursor"), false;
        }
        else
            return c.refuse(bad_query(name, "This route takes no such parameter.")), false;
    }
    return true;
}

std::string fact_in(const lanes::step& one)
{
    const auto* fact = event_log::fact_named(one.happened.type);
    auto data = one.data();
    return fact == nullptr || data.empty() ? data : without_secrets(*fact, std::move(data));
}

void write_entry(json_writer& json, const lanes::step& one)
{
    const auto before = one.before ? one.type.render(one.before.get()) : std::string{};
    json.begin_object();
    write_event(json, one.happened, event_log::read_meta(one.happened.meta), fact_in(one),
                changes_between(before, one.type.render(one.after.get())));
    json.end_object();
}

// The events of one page, gathered while the stream is walked. What lies nearest to where the page was asked from is
// kept when it gets too large.
class history_page
{
public:
    explicit history_page(const page_asked& asked) : asked_(asked) {}

    // The version behind which it wants events.
    std::int64_t begins_after() const
    {
        return asked_.before ? std::max<std::int64_t>(*asked_.before - asked_.limit - 1, 0) : asked_.after;
    }

    // False: it has seen enough.
    bool take(const lanes::step& each)
    {
        const auto version = each.happened.version;
        if (asked_.before ? version >= *asked_.before : is_full())
        {
            has_more_ = true;
            return false;
        }
        std::string text;
        json_writer json{text};
        write_entry(json, each);
        bytes_ += text.size();
        entries_.push_back(std::move(text));
        last_ = version;
        for (; asked_.before && bytes_ > page_bytes_max && entries_.size() > 1; entries_.pop_front())
            bytes_ -= entries_.front().size();
        return true;
    }

    const std::deque<std::string>& entries() const { return entries_; }
    std::optional<std::string> next() const { return has_more_ ? std::optional{std::to_string(last_)} : std::nullopt; }
    std::optional<std::string> prev() const
    {
        const auto first = last_ - static_cast<std::int64_t>(entries_.size()) + 1;
        return !entries_.empty() && first > 1 ? std::optional{'<' + std::to_string(first)} : std::nullopt;
    }

private:
    bool is_full() const
    {
        return static_cast<std::int64_t>(entries_.size()) == asked_.limit || bytes_ >= page_bytes_max;
    }

    const page_asked asked_;
    std::deque<std::string> entries_;  // versions without a hole, the last is last_
    std::size_t bytes_ = 0;
    std::int64_t last_ = 0;
    bool has_more_ = false;
};

// -- As it was.

struct moment_asked
{
    std::optional<std::int64_t> version;
    std::optional<schema::moment> time;
    bool by_occurrence = false;
};

// False: refused.
bool read_moment(call& c, const query_parameters& sent, moment_asked& asked)
{
    bool has_by = false;
    std::set<std::string_view> seen;
    for (const auto& [name, value] : sent)
    {
        if (!seen.insert(name).second)
            return c.refuse(bad_query(name, "It is given twice.")), false;
        if (name == "at")
        {
            asked.version = whole_number(value);
            asked.time = asked.version ? std::nullopt : schema::moment::parse(value);
            if (!asked.time && (!asked.version || *asked.version < 1))
                return c.refuse(bad_query(
                           name, "It is a version, or a time with an offset (RFC 3339); a plus sign is sent as %2B.")),
                       false;
            if (asked.time && *asked.time > c.accepted)
                return c.refuse(bad_query(name, "It lies in the future.")), false;
        }
        else if (name == "by" && (value == "recorded" || value == "occurred"))
        {
            has_by = true;
            asked.by_occurrence = value == "occurred";
        }
        else
            return c.refuse(bad_query(name, name == "by" ? "It is recorded or occurred."
                                                         : "This route takes no such parameter.")),
                   false;
    }
    if (has_by && !asked.time)
        return c.refuse(bad_query("by", "It says which time `at` means.")), false;
    return true;
}

// False: there is no such thing for the asker, and it was refused.
bool expect_thing(call& c, query_context& with, const past_of& what)
{
    const auto found = with.models.get(what.shape, c.who->tenant, what.id, what.parent);
    take_position(c, found.as_of);
    if (!found.data)
        c.refuse("not_found");
    return found.data.has_value();
}
}  // namespace

void answer_history(call& c, query_context& with, const past_of& what)
{
    page_asked asked;
    const auto& secret = with.models.cursor_secret();
    if (!read_page(c, secret, asked) || !expect_thing(c, with, what))
        return;
    history_page page{asked};
    lanes::stream_wanted events{{&what.type, c.who->tenant, what.id}};
    events.after_version = page.begins_after();
    with.log.walk(events, [&](const lanes::step& each) { return page.take(each); });
    const auto cursor = [&](const std::optional<std::string>& payload) {
        return payload ? std::optional{signed_cursor(c, bound_by(secret), *payload)} : std::nullopt;
    };
    const auto next = cursor(page.next()), prev = cursor(page.prev());
    std::string text;
    json_writer json{text};
    json.begin_object().key("data").begin_array();
    for (const std::string& each : page.entries())
        json.raw(each);
    json.end_array().key("next_cursor");
    next ? json.string(*next) : json.null();
    json.key("prev_cursor");
    prev ? json.string(*prev) : json.null();
    json.end_object();
    add_links(c, next, prev);
    c.answer_json(std::move(text));
}

void answer_past(call& c, query_context& with, const past_of& what)
{
    const auto sent = read_query(c.in->query);
    if (!sent)
        return c.refuse(bad_query("query", "It is not percent-encoded UTF-8."));
    if (sent->empty())
        return answer_row(c, with, what.shape, what.id, what.parent);
    moment_asked asked;
    if (!read_moment(c, *sent, asked) || !expect_thing(c, with, what))
        return;
    const lanes::stream_ref thing{&what.type, c.who->tenant, what.id};
    const lanes::standing found = asked.version ? with.log.at_version(thing, *asked.version)
                                                : with.log.at_time({thing, *asked.time, asked.by_occurrence});
    if (found.is_unborn())
        return c.refuse(make_problem(
            "not_found", "It was not there then, or has no such version. A time means when it was recorded; "
                         "&by=occurred goes by when it happened."));
    c.answer_item(what.type.render(found.state.get()), found.at.version);
}
}  // namespace http
