#include "tests/kit/scenario/follower.hpp"

#include "events/log/envelope.hpp"
#include "events/public_event.hpp"
#include "tests/kit/eventually.hpp"
#include "tests/kit/scenario/caller.hpp"
#include "tests/kit/scenario/members.hpp"
#include "tests/kit/wire.hpp"

#include <algorithm>
#include <sstream>

namespace scenario
{
namespace
{
// A stream that is silent for that long is given up for the next server's: it goes on there.
constexpr kit::milliseconds silence_max{3'000};
constexpr kit::milliseconds pause_max{500};
constexpr kit::milliseconds held_max{300'000};

std::string line_of(const std::string& block, const std::string& name)
{
    std::istringstream lines{block};
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with(name + ": "))
            return line.substr(name.size() + 2);
    return "";
}

std::vector<std::string> public_events(const site& at, const organisation& of)
{
    std::string types;
    for (const auto& each : event_log::public_names())
        types.append(types.empty() ? "'" : ",'").append(each.fact).append("'");
    std::istringstream ids{at.ask("select string_agg(event_id::text, ' ' order by seq) from es.event where type in (" +
                                  types + ") and tenant_id = '" + of.tenant_id() + "'")};
    std::vector<std::string> made;
    for (std::string id; ids >> id;)
        made.push_back(event_log::event_id{*schema::uuid::parse(id)}.text());
    return made;
}
}  // namespace

follower::follower(std::vector<std::uint16_t> ports, organisation as)
    : ports_(std::move(ports)), as_(std::move(as)), thread_([this] { run(); })
{}

follower::~follower() { stop(); }

void follower::stop()
{
    stopping_ = true;
    if (thread_.joinable())
        thread_.join();
}

void follower::run()
{
    for (std::size_t turn = 0; !stopping_; ++turn)
        try
        {
            follow(ports_[turn % ports_.size()]);
        }
        catch (const kit::wire_error&)
        {
            ++told_.counted["streams broken off"];
            const auto next = ports_[(turn + 1) % ports_.size()];
            kit::eventually([&] { return stopping_ || listens(next); }, pause_max);
        }
}

void follower::follow(std::uint16_t port)
{
    kit::wire line{port, "127.0.0.1", silence_max};
    line.send("GET /api/v1/events/stream?after= HTTP/1.0\r\nHost: x\r\nX-API-Key: " + as_.api_key +
              (last_id_.empty() ? "" : "\r\nLast-Event-ID: " + last_id_) + "\r\n\r\n");
    const auto head = line.read_head();
    if (head.status != 200)
    {
        ++told_.counted["streams refused"];
        if (head.status != 503)
            complain("a stream was answered " + std::to_string(head.status));
        kit::eventually([&] { return stopping_.load(); }, pause_max);
        return;
    }
    ++told_.counted["streams followed"];
    while (!stopping_)
    {
        take(line.read_until("\n\n"));
        kit::eventually([&] { return !is_held_ || stopping_; }, held_max);
    }
}

void follower::take(const std::string& block)
{
    const auto kind = line_of(block, "event");
    if (kind == "clientflow.reset")
        complain("a stream was begun anew: " + block);
    if (const auto id = line_of(block, "id"); !id.empty())
        last_id_ = id;
    if (kind.empty() || kind.starts_with("clientflow."))
        return;
    const auto data = line_of(block, "data");
    if (text_member(data, "source") != "/orgs/" + as_.org_id)
        complain(as_.org_id + " was told of " + data);
    ids_.push_back(text_member(data, "id"));
    heard_ = ids_.size();
}

void follower::complain(std::string what) { told_.add(std::move(what)); }

void follower::await_all(const site& at) const
{
    kit::eventually([&] { return heard_ >= public_events(at, as_).size(); }, kit::milliseconds{30'000});
}

findings follower::check(const site& at) const
{
    findings told = told_;
    const auto wanted = public_events(at, as_);
    told.counted["events followed"] += static_cast<long>(ids_.size());
    const auto [heard, there] = std::mismatch(ids_.begin(), ids_.end(), wanted.begin(), wanted.end());
    if (heard != ids_.end() || there != wanted.end())
        told.add(as_.org_id + " has " + std::to_string(wanted.size()) + " public events and was told " +
                 std::to_string(ids_.size()) + "; they part at number " + std::to_string(heard - ids_.begin()) +
                 ", told " + (heard == ids_.end() ? "nothing" : *heard) + " instead of " +
                 (there == wanted.end() ? "nothing" : *there));
    return told;
}
}  // namespace scenario
