#include "tests/integration/http/event_stream.hpp"

#include "events/log/envelope.hpp"
#include "events/public_event.hpp"

#include <doctest/doctest.h>

#include <sstream>

namespace http_tests
{
stream_block read_block(std::string_view text)
{
    stream_block made;
    while (!text.empty())
    {
        const auto end = text.find('\n');
        const auto line = text.substr(0, end);
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
        const auto take = [&](std::string_view name, std::string& into) {
            if (line.starts_with(name))
                into = line.substr(name.size());
        };
        take("id: ", made.id);
        take("event: ", made.event);
        take("data: ", made.data);
        take("retry: ", made.retry);
        take(": ", made.comment);
    }
    return made;
}

stream_client::stream_client(std::uint16_t port, const std::string& key, const std::string& query,
                             const std::string& last_event_id)
    : wire_(port)
{
    std::string asked = "GET /api/v1/events/stream" + query + " HTTP/1.0\r\nHost: x\r\n";
    if (!key.empty())
        asked += "Authorization: Bearer " + key + "\r\n";
    if (!last_event_id.empty())
        asked += "Last-Event-ID: " + last_event_id + "\r\n";
    wire_.send(asked + "\r\n");
    head_ = wire_.read_head();
    last_id_ = last_event_id;
}

stream_block stream_client::next()
{
    auto made = read_block(wire_.read_until("\n\n"));
    if (!made.id.empty())
        last_id_ = made.id;
    return made;
}

stream_block stream_client::next_event()
{
    for (;;)
        if (auto made = next(); !made.event.empty())
            return made;
}

bool stream_client::ended() { return wire_.ended(); }

std::vector<std::string> public_event_ids(const stage& in, const tenant& of)
{
    std::string types;
    for (const auto& each : event_log::public_names())
        types.append(types.empty() ? "'" : ",'").append(each.fact).append("'");
    std::istringstream ids{
        in.db.run("select string_agg(event_id::text, ' ' order by seq) from es.event where type in (" + types +
                  ") and tenant_id = '" + of.id.text() + "'")};
    std::vector<std::string> made;
    for (std::string id; ids >> id;)
        made.push_back(event_log::event_id{*schema::uuid::parse(id)}.text());
    return made;
}

stage_options without_projections()
{
    stage_options made;
    made.projections = false;
    return made;
}

std::string made(const stage& in, const tenant& of, const std::string& path, const std::string& body)
{
    const auto reply = ask(in, of.key, "POST", path, body);
    REQUIRE_MESSAGE(reply.status == 201, reply.body);
    return value_of(reply.body, "id");
}

std::string client(const stage& in, const tenant& of, const std::string& name)
{
    return made(in, of, "/api/v1/clients", R"({"name": ")" + name + "\"}");
}

std::string metric(const stage& in, const std::string& line)
{
    kit::wire wire{in.service->admin_port()};
    const auto text = wire.exchange("GET", "/metrics").body;
    const auto at = text.find("\n" + line + " ");
    return at == std::string::npos ? ""
                                   : text.substr(at + line.size() + 2, text.find('\n', at + 1) - at - line.size() - 2);
}
}  // namespace http_tests
