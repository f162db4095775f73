#include "http/server/query_route.hpp"

#include "http/server/csv.hpp"
#include "http/server/query_string.hpp"
#include "schemas/json_writer.hpp"

#include <charconv>

namespace http
{
namespace
{
// "version" is the second member of every item, behind its id.
std::int64_t version_in(std::string_view item)
{
    constexpr std::string_view before = "\"version\":";
    const auto at = item.find(before);
    std::int64_t version = 0;
    if (at != std::string_view::npos)
        std::from_chars(item.data() + at + before.size(), item.data() + item.size(), version);
    return version;
}

// The same request, for the page beside this one.
std::string link_to(const call& c, const query_parameters& sent, std::string_view cursor, std::string_view relation)
{
    std::string link = "<";
    link.append(c.in->path).append("?");
    for (const auto& [name, value] : sent)
        if (name != "cursor" && name != "offset")
            link.append(percent_encoded(name)).append("=").append(percent_encoded(value)).append("&");
    return link.append("cursor=").append(percent_encoded(cursor)).append(">; rel=\"").append(relation).append("\"");
}

void write_cursor(schema::json_writer& json, const std::optional<std::string>& cursor)
{
    cursor ? json.string(*cursor) : json.null();
}

problem of_faults(schema::faults faults)
{
    const bool is_cursor = faults.size() == 1 && faults.front().code == "bad_cursor";
    auto made = make_problem(is_cursor ? "bad_cursor" : "bad_query");
    made.faults = std::move(faults);
    return made;
}
}  // namespace

void take_position(call& c, const projection::shown& as_of)
{
    const auto nothing_yet = event_log::position{c.who->lane, 0};
    const auto at = as_of.incarnation.empty() ? nothing_yet : as_of.at;
    const bool is_first = !c.shown;
    const bool other_history =
        !as_of.incarnation.empty() && !c.shown_incarnation.empty() && as_of.incarnation != c.shown_incarnation;
    c.stale = c.stale || other_history || as_of.has_parked;
    if (!as_of.incarnation.empty())
        c.shown_incarnation = as_of.incarnation;
    if (is_first || at.seq < c.shown->seq)
        c.shown = at;
}

void add_links(call& c, const std::optional<std::string>& next_cursor, const std::optional<std::string>& prev_cursor)
{
    const auto sent = read_query(c.in->query).value_or(query_parameters{});
    std::string links;
    if (next_cursor)
        links = link_to(c, sent, *next_cursor, "next");
    if (prev_cursor)
        links += (links.empty() ? "" : ", ") + link_to(c, sent, *prev_cursor, "prev");
    if (!links.empty())
        c.out->add("Link", links);
}

void answer_page(call& c, query_context& with, const projection::list_shape& shape,
                 std::optional<projection::under> parent)
{
    const auto sent = read_query(c.in->query);
    if (!sent)
        return c.refuse(bad_query("query", "It is not percent-encoded UTF-8."));
    const projection::list_place place{c.who->tenant, std::string{c.in->path}};
    const auto asked = projection::read_list_query(shape, *sent, place, with.models.cursor_secret());
    if (!asked)
        return c.refuse(of_faults(asked.error()));
    if (c.wants_csv)
        return answer_csv(c, with, shape, *sent, std::move(parent));
    const auto page = with.models.list(shape, place, *asked, std::move(parent));
    take_position(c, page.as_of);

    std::string text;
    text.reserve(page.data.size() + 256);
    schema::json_writer json{text};
    json.begin_object().key("data").raw(page.data);
    write_cursor(json.key("next_cursor"), page.next_cursor);
    write_cursor(json.key("prev_cursor"), page.prev_cursor);
    json.end_object();
    add_links(c, page.next_cursor, page.prev_cursor);
    c.answer_json(std::move(text));
}

void answer_row(call& c, query_context& with, const projection::list_shape& shape, const schema::uuid& id,
                std::optional<projection::under> parent)
{
    if (!expect_no_parameters(c))
        return;
    auto found = with.models.get(shape, c.who->tenant, id, std::move(parent));
    take_position(c, found.as_of);
    if (!found.data)
        return c.refuse("not_found");
    const auto version = version_in(*found.data);
    c.answer_item(std::move(*found.data), version);
}

bool expect_row(call& c, query_context& with, const projection::list_shape& shape, const schema::uuid& id)
{
    const auto found = with.models.get(shape, c.who->tenant, id);
    take_position(c, found.as_of);
    if (!found.data)
        c.refuse("not_found");
    return found.data.has_value();
}

bool expect_no_parameters(call& c)
{
    const auto sent = read_query(c.in->query);
    if (sent && sent->empty())
        return true;
    c.refuse(bad_query(sent ? sent->front().first : "query", "This route takes no such parameter."));
    return false;
}
}  // namespace http
