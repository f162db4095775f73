#include "tests/kit/scenario/slow_readers.hpp"

#include "tests/kit/eventually.hpp"
#include "tests/kit/scenario/caller.hpp"
#include "tests/kit/scenario/invariants.hpp"
#include "tests/kit/scenario/members.hpp"
#include "tests/kit/scenario/node.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <optional>
#include <sys/resource.h>

namespace scenario
{
namespace
{
constexpr int streams_per_key = 20;
constexpr int old_events = 400;
constexpr int new_events = 400;
constexpr int all_events = old_events + new_events;
constexpr std::size_t text_bytes = 20'000;  // of an event
constexpr double memory_max = 160;          // MiB, beyond what the idle server has; whoever reads slowly, however many
constexpr double held_max = 40;             // MiB of older events
constexpr double unread_max = 1024 * 1024;  // bytes in the sockets of each, both sides together
constexpr double mib = 1024 * 1024;

// As many open files as there may be, for the test and for the server that it starts.
void raise_open_files(rlim_t wanted)
{
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= wanted)
        return;
    if (limit.rlim_max < wanted)
        throw std::runtime_error("so many streams need " + std::to_string(wanted) + " open files; allowed are " +
                                 std::to_string(limit.rlim_max));
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

double figure(const node& of, const std::string& name)
{
    const auto text = of.metrics();
    const auto at = text.find("\n" + name + " ");
    if (at == std::string::npos)
        throw std::runtime_error("/metrics has no " + name);
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
    if (at == std::string_view::npos)
        return "";
    const auto begin = at + name.size();
    return std::string{text.substr(begin, text.find_first_of("\"\n", begin) - begin)};
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

class room_of_readers
{
public:
    room_of_readers(site& at, int readers) : as_(at.found("slow-readers")), server_(config_of(at)), readers_(readers)
    {
        server_.start();
        project_ = text_member(post("/projects", R"({"name": "P"})"), "id");
        for (int k = 0; k * streams_per_key < readers_; ++k)
            secrets_.push_back(text_member(post("/api-keys", R"({"name": "K"})"), "secret"));
        quick_.emplace(stream(server_.port(), as_.api_key, false));
        quick_->read_until("\n\n");
    }

    void write_old_events()
    {
        for (int i = 0; i < old_events; ++i)
        {
            write();
            hear();
        }
        idle_ = resident(server_.pid());
    }

    // Three of four from the first event on.
    void come()
    {
        for (int i = 0; i < readers_; ++i)
            slow_.push_back(
                stream(server_.port(), secrets_[static_cast<std::size_t>(i / streams_per_key)], i % 4 != 0));
    }

    void write_new_events()
    {
        for (int i = 0; i < new_events; ++i)
        {
            const auto began = std::chrono::steady_clock::now();
            write();
            const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - began;
            slowest_ = std::max(slowest_, took.count());
            hear();
            if (i % 20 == 0)
                look();
        }
    }

    // Who takes nothing is cut once its sockets are full; whoever got everything into them is as good as an idle one.
    void await_cuts()
    {
        kit::await(
            "nobody holds older events any more",
            [&] {
                look();
                return figure(server_, "clientflow_event_past_bytes") == 0 &&
                       figure(server_, "clientflow_event_pages_waiting") == 0 && cuts() > 0;
            },
            kit::milliseconds{120'000});
    }

    void check_costs(findings& told)
    {
        told.counted["slow readers"] = static_cast<long>(slow_.size());
        told.counted["cut as slow"] = static_cast<long>(cuts());
        told.counted["MiB beyond idle"] = static_cast<long>(most_ - idle_);
        told.counted["MiB of older events held"] = static_cast<long>(held_ / mib);
        told.counted["slowest command ms"] = static_cast<long>(slowest_);
        told.expect(most_ - idle_ < memory_max, "slow readers cost " + std::to_string(most_ - idle_) + " MiB");
        told.expect(held_ < held_max * mib, std::to_string(held_ / mib) + " MiB of older events were held");
        const auto sent = figure(server_, "clientflow_events_sent_total") - all_events;  // to the slow ones
        told.expect(sent * text_bytes / readers_ < unread_max, std::to_string(sent) + " events lie unread in sockets");
    }

    // One that was slow, cut or not, comes back until it has heard everything, and nothing twice.
    void check_events(findings& told)
    {
        reading whole;
        auto from_first = stream(server_.port(), as_.api_key, true);
        whole.take(read_events(from_first, all_events));
        told.expect(whole.events.size() >= all_events,
                    "a quick reader was told " + std::to_string(whole.events.size()) + " events");
        reading seen;
        seen.take(read_events(slow_[1], all_events));
        while (seen.events.size() < whole.events.size())
        {
            auto again = stream(server_.port(), secrets_[0], false, seen.last);
            std::string rest;
            for (auto i = seen.events.size(); i < whole.events.size(); ++i)
                rest += again.read_until("\ndata: ");
            rest += again.read_until("\n\n");
            seen.take(rest);
        }
        told.expect(seen.events == whole.events, "a reader that was slow was told other events than a quick one");
    }

    void stop(findings& told)
    {
        told.expect(server_.stop() == kit::ending{0, 0}, "the server did not stop well\n" + server_.log());
    }

private:
    static node_config config_of(site& at)
    {
        return {.data = at.data_directory("node"),
                .dsn = at.dsn(),
                .settings = {"http.write_time_max_ms=3000", "http.write_rate_min=1048576",
                             "http.connections_per_address_max=10000", "live.slow_after_ms=500",
                             "live.past_held_bytes_max=33554432"},
                .environment = {{"ASAN_OPTIONS", "quarantine_size_mb=8"}}};
    }

    std::string post(const std::string& path, const std::string& body)
    {
        return line_.expect(201, {.method = "POST", .target = "/api/v1" + path, .body = body}).body;
    }

    void write()
    {
        post("/tasks", R"({"title": "T", "project_id": ")" + project_ + R"(", "description": ")" +
                           std::string(text_bytes, 'x') + "\"}");
    }

    // Whoever reads has heard of it.
    void hear() { quick_->read_until("event: task.created"); }

    void look()
    {
        most_ = std::max(most_, resident(server_.pid()));
        held_ = std::max(held_, figure(server_, "clientflow_event_past_bytes"));
    }

    double cuts() const { return figure(server_, "clientflow_event_stream_cuts_total{reason=\"slow\"}"); }

    const organisation as_;
    node server_;
    caller line_{server_.port(), as_.api_key};
    const int readers_;
    std::string project_;
    std::vector<std::string> secrets_;
    std::optional<kit::wire> quick_;
    std::vector<kit::wire> slow_;
    double idle_ = 0, most_ = 0, held_ = 0, slowest_ = 0;
};
}  // namespace

double resident(pid_t of)
{
    std::ifstream status{"/proc/" + std::to_string(of) + "/status"};
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmRSS:"))
            return std::stod(line.substr(6)) / 1024;
    return 0;
}

findings read_slowly(site& at, const slow_readers_config& config)
{
    constexpr rlim_t besides = 500;  // the test's and the server's other files
    raise_open_files(static_cast<rlim_t>(config.readers) + besides);
    findings told;
    room_of_readers in{at, config.readers};
    in.write_old_events();
    in.come();
    in.write_new_events();
    in.await_cuts();
    in.check_costs(told);
    in.check_events(told);
    told.add(check_store(at), "");
    in.stop(told);
    return told;
}
}  // namespace scenario
