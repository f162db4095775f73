// Clients that open streams and read nothing, while others work: the server's memory stays bounded, commands go on
// being answered, whoever reads gets everything, and who was cut goes on where it was.
//
// CLIENTFLOW_SLOW_READERS: how many; 2000 are a minute's work.
#include "tests/kit/eventually.hpp"
#include "tests/kit/scenario/caller.hpp"
#include "tests/kit/scenario/members.hpp"
#include "tests/kit/scenario/node.hpp"
#include "tests/kit/scenario/site.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

namespace
{
constexpr int streams_per_key = 20;
constexpr int old_events = 400;
constexpr int new_events = 400;
constexpr std::size_t text_bytes = 20'000;  // of an event
constexpr double memory_max = 160;          // MiB, beyond what the idle server has; whoever reads slowly, however many
constexpr double unread_max = 1024 * 1024;  // bytes in the sockets of each, both sides together

int slow_readers()
{
    const char* value = std::getenv("CLIENTFLOW_SLOW_READERS");
    return value == nullptr ? 300 : std::atoi(value);
}

// Of the process, in MiB.
double resident(pid_t of)
{
    std::ifstream status{"/proc/" + std::to_string(of) + "/status"};
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmRSS:"))
            return std::stod(line.substr(6)) / 1024;
    return 0;
}

double figure(const scenario::node& of, const std::string& name)
{
    const auto text = of.metrics();
    const auto at = text.find("\n" + name + " ");
    REQUIRE(at != std::string::npos);
    return std::stod(text.substr(at + name.size() + 2));
}

// From the first event on, or from now on.
kit::wire stream(std::uint16_t port, const std::string& key, bool from_first, const std::string& last = {})
{
    kit::wire made{port};
    made.send("GET /api/v1/events/stream" + std::string{from_first ? "?after=" : ""} +
              " HTTP/1.0\r\nHost: x\r\nX-API-Key: " + key + "\r\n" +
              (last.empty() ? "" : "Last-Event-ID: " + last + "\r\n") + "\r\n");
    return made;
}

std::string member(std::string_view text, std::string_view name)
{
    const auto at = text.find(name);
    return at == std::string_view::npos
               ? ""
               : std::string{
                     text.substr(at + name.size(), text.find_first_of("\"\n", at + name.size()) - at - name.size())};
}

// So many events, or what there is until the server ends the stream.
std::string read_events(kit::wire& from, std::size_t count)
{
    std::string all;
    try
    {
        for (std::size_t i = 0; i < count; ++i)
            all += from.read_until("event: task.created");
        return all += from.read_until("\n\n");
    }
    catch (const kit::wire_error&)
    {
        return all += from.read_to_end();
    }
}

// The events of whole blocks, and the last place; a block that was cut off in the middle counts for nothing.
struct reading
{
    std::vector<std::string> events;
    std::string last;

    void take(const std::string& text)
    {
        std::size_t from = text.find("\r\n\r\n");
        from = from == std::string::npos ? 0 : from + 4;
        for (auto end = text.find("\n\n", from); end != std::string::npos; end = text.find("\n\n", from))
        {
            const auto block = std::string_view{text}.substr(from, end - from);
            if (const auto id = member(block, "id: "); !id.empty())
                last = id;
            if (const auto event = member(block, "\"id\":\"evt_"); !event.empty())
                events.push_back(event);
            from = end + 2;
        }
    }
};
}  // namespace

TEST_CASE("slow readers, however many, cost bounded memory, hold nobody up, and lose nothing by being cut")
{
    scenario::site at;
    const auto agency = at.found("slow-readers");
    scenario::node server{{.data = at.data_directory("node"),
                           .dsn = at.dsn(),
                           .settings = {"http.write_time_max_ms=3000", "http.write_rate_min=1048576",
                                        "http.connections_per_address_max=10000", "live.slow_after_ms=500",
                                        "live.past_held_bytes_max=33554432"},
                           .environment = {{"ASAN_OPTIONS", "quarantine_size_mb=8"}}}};
    server.start();
    scenario::caller line{server.port(), agency.api_key};
    const auto post = [&](const std::string& path, const std::string& body) {
        scenario::request asked;
        asked.method = "POST";
        asked.target = "/api/v1" + path;
        asked.body = body;
        return line.expect(201, asked).body;
    };
    const auto project = scenario::text_member(post("/projects", R"({"name": "P"})"), "id");
    const std::string text(text_bytes, 'x');
    const auto write = [&] {
        post("/tasks", R"({"title": "T", "project_id": ")" + project + R"(", "description": ")" + text + "\"}");
    };
    const int count = slow_readers();
    std::vector<std::string> secrets;
    for (int k = 0; k * streams_per_key < count; ++k)
        secrets.push_back(scenario::text_member(post("/api-keys", R"({"name": "K"})"), "secret"));
    auto quick = stream(server.port(), agency.api_key, false);
    quick.read_until("\n\n");
    for (int i = 0; i < old_events; ++i)
    {
        write();
        quick.read_until("event: task.created");
    }
    const auto idle = resident(server.pid());

    std::vector<kit::wire> slow;
    for (int i = 0; i < count; ++i)
        slow.push_back(stream(server.port(), secrets[static_cast<std::size_t>(i / streams_per_key)], i % 4 != 0));
    double most = 0, held = 0, slowest = 0;
    const auto look = [&] {
        most = std::max(most, resident(server.pid()));
        held = std::max(held, figure(server, "clientflow_event_past_bytes"));
    };
    for (int i = 0; i < new_events; ++i)
    {
        const auto began = std::chrono::steady_clock::now();
        write();
        slowest = std::max(slowest,
                           std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count());
        quick.read_until("event: task.created");
        if (i % 20 == 0)
            look();
    }
    // Who takes nothing is cut once its sockets are full; whoever got everything into them is as good as an idle one.
    kit::await(
        "nobody holds older events any more",
        [&] {
            look();
            return figure(server, "clientflow_event_past_bytes") == 0 &&
                   figure(server, "clientflow_event_pages_waiting") == 0 &&
                   figure(server, "clientflow_event_stream_cuts_total{reason=\"slow\"}") > 0;
        },
        kit::milliseconds{120'000});
    const auto cuts = figure(server, "clientflow_event_stream_cuts_total{reason=\"slow\"}");
    MESSAGE(count << " slow readers: " << most - idle << " MiB at most beyond " << idle
                  << " MiB; older events held, at most " << held / 1024 / 1024 << " MiB; " << cuts
                  << " cut as slow; the slowest of " << new_events << " commands meanwhile took " << slowest << " ms");
    const auto sent = figure(server, "clientflow_events_sent_total") - (old_events + new_events);  // to the slow ones
    CHECK(sent * text_bytes / count < unread_max);
    CHECK(most - idle < memory_max);
    CHECK(held < 40.0 * 1024 * 1024);

    // One that was slow, cut or not, comes back until it has heard everything, and nothing twice.
    std::vector<std::string> all;
    reading whole;
    auto from_first = stream(server.port(), agency.api_key, true);
    const auto wanted = static_cast<std::size_t>(old_events + new_events);
    whole.take(read_events(from_first, wanted));
    reading seen;
    seen.take(read_events(slow[1], wanted));
    while (seen.events.size() < whole.events.size())
    {
        auto again = stream(server.port(), secrets[0], false, seen.last);
        std::string rest;
        for (auto i = seen.events.size(); i < whole.events.size(); ++i)
            rest += again.read_until("\ndata: ");
        rest += again.read_until("\n\n");
        seen.take(rest);
    }
    CHECK(seen.events == whole.events);
}
