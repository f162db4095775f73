#include "tests/kit/scenario/races.hpp"

#include "tests/kit/scenario/invariants.hpp"
#include "tests/kit/scenario/load.hpp"
#include "tests/kit/scenario/members.hpp"
#include "tests/kit/scenario/sharing.hpp"

#include <algorithm>
#include <barrier>
#include <thread>

namespace scenario
{
namespace
{
// One request per writer, sent at once, in turns to the two nodes.
std::vector<answer> send_at_once(const pair& nodes, const std::string& api_key, const std::vector<request>& asked)
{
    std::vector<answer> got(asked.size());
    std::barrier ready{static_cast<std::ptrdiff_t>(asked.size())};
    std::vector<std::thread> threads;
    for (std::size_t n = 0; n < asked.size(); ++n)
        threads.emplace_back([&, n] {
            caller one{n % 2 == 0 ? nodes.one.port() : nodes.other.port(), api_key};
            one.get("/api/v1/me");  // connected, and the key is known
            ready.arrive_and_wait();
            got[n] = one.call(asked[n]);
        });
    for (std::thread& each : threads)
        each.join();
    return got;
}

std::string told_of(const answer& one) { return std::to_string(one.status()) + ' ' + one.reply.body; }
}  // namespace

pair::pair(site& on)
    : at(on)
    , one({.data = on.data_directory("one"), .dsn = on.dsn()})
    , other({.data = on.data_directory("other"), .dsn = on.dsn()})
{
    one.start();
    other.start();
}

pair::~pair()
{
    one.stop();
    other.stop();
}

findings race_on_a_version(pair& nodes, const race_config& config)
{
    findings told;
    const auto as = nodes.at.found("race-version");
    caller first{nodes.one.port(), as.api_key};
    const auto item =
        first.expect(201, {.method = "POST", .target = "/api/v1/projects", .body = R"({"name": "Raced"})"}).body;
    const std::string path = "/api/v1/projects/" + text_member(item, "id");
    for (int round = 1; round <= config.rounds; ++round)
    {
        std::vector<request> asked;
        for (int n = 0; n < config.writers; ++n)
            asked.push_back(
                {.method = "PATCH",
                 .target = path,
                 .body = R"({"name": "Round )" + std::to_string(round) + " writer " + std::to_string(n) + R"("})",
                 .if_match = '"' + std::to_string(round) + '"'});
        const auto got = send_at_once(nodes, as.api_key, asked);
        long winners = 0;
        for (const answer& each : got)
        {
            winners += each.status() == 200 ? 1 : 0;
            ++told.counted["answered " + std::to_string(each.status())];
            told.expect(each.status() == 200 || each.status() == 412 || each.status() == 409,
                        "a writer was answered " + told_of(each));
            if (each.status() == 412)
                told.expect(each.reply.header("ETag") == '"' + std::to_string(round + 1) + '"',
                            "412 names the version " + each.reply.header("ETag").value_or("(none)"));
        }
        told.expect(winners == 1, std::to_string(winners) + " writers won in round " + std::to_string(round));
    }
    const long versions =
        nodes.at.count("select count(*) from es.event where tenant_id = (select tenant_id from es.event"
                       " where category = 'project' and data->>'name' = 'Raced') and category = 'project'");
    told.expect(versions == config.rounds + 1, "the item has " + std::to_string(versions) + " versions");
    return told;
}

findings race_for_a_quota(pair& nodes, const race_config& config)
{
    constexpr long limit = 5;  // projects of the plan "starter"
    findings told;
    for (int round = 1; round <= config.rounds; ++round)
    {
        const auto as = nodes.at.found("race-quota-" + std::to_string(round), "starter");
        std::vector<request> asked;
        for (int n = 0; n < config.writers; ++n)
            asked.push_back({.method = "POST",
                             .target = "/api/v1/projects",
                             .body = R"({"name": "Quota )" + std::to_string(n) + R"("})"});
        long made = 0;
        for (const answer& each : send_at_once(nodes, as.api_key, asked))
        {
            made += each.status() == 201 ? 1 : 0;
            ++told.counted["answered " + std::to_string(each.status())];
            told.expect(each.status() == 201 ||
                            (each.status() == 402 && integer_member(each.reply.body, "limit") == limit &&
                             integer_member(each.reply.body, "used") == limit),
                        "a writer was answered " + told_of(each));
        }
        told.expect(made == limit, std::to_string(made) + " projects were made in round " + std::to_string(round));
    }
    return told;
}

// Every node refuses a revoked key within a second; the rest is for a busy machine and sanitizers.
findings revoke_elsewhere(pair& nodes, int times)
{
    constexpr long within_ms = 1'000;
    constexpr long slack_ms = 500;
    findings told;
    const auto as = nodes.at.found("revoked");
    caller owner{nodes.one.port(), as.api_key};
    for (int time = 0; time < times; ++time)
    {
        const auto made = owner
                              .expect(201, {.method = "POST",
                                            .target = "/api/v1/api-keys",
                                            .body = R"({"name": "Soon gone", "scopes": ["read"]})"})
                              .body;
        caller there{nodes.other.port(), text_member(made, "secret")};
        told.expect(there.get("/api/v1/projects").status() == 200, "a fresh key is not known to the other node");
        owner.expect(200, {.method = "POST", .target = "/api/v1/api-keys/" + text_member(made, "id") + "/revoke"});
        const auto began = std::chrono::steady_clock::now();
        const bool refused =
            kit::eventually([&] { return there.get("/api/v1/projects").status() == 401; }, kit::milliseconds{5'000});
        const long took =
            std::chrono::duration_cast<kit::milliseconds>(std::chrono::steady_clock::now() - began).count();
        told.expect(refused && took <= within_ms + slack_ms,
                    "a revoked key was believed by the other node for " + std::to_string(took) + " ms");
        told.counted["slowest refusal ms"] = std::max(told.counted["slowest refusal ms"], took);
        ++told.counted["keys revoked"];
    }
    return told;
}

namespace
{
void await_progress(const load& work)
{
    const long until = work.attempts() + 60;
    kit::await(
        "the load's next requests", [&] { return work.attempts() >= until; }, kit::milliseconds{60'000});
}
}  // namespace

findings hand_lanes_over(pair& nodes)
{
    findings told;
    const auto as = nodes.at.found("handed");
    load work{{.prefix = "handed", .clients = 4}, as, {nodes.one.port()}};
    await_sharing(nodes.at);
    work.start();

    await_progress(work);
    nodes.other.kill();
    nodes.other.wait(kit::milliseconds{10'000});
    expect_taken(nodes.at, "killed", told);
    nodes.other.start();
    await_sharing(nodes.at);

    await_progress(work);
    nodes.other.freeze();
    expect_taken(nodes.at, "frozen", told);
    await_progress(work);
    nodes.other.thaw();
    await_sharing(nodes.at);

    await_progress(work);
    nodes.other.stop();
    expect_taken(nodes.at, "stopped", told);
    nodes.other.start();
    await_sharing(nodes.at);
    await_progress(work);

    work.stop();
    work.settle();
    told.add(check_store(nodes.at), "");
    told.add(work.check(nodes.at), "");
    return told;
}

namespace
{
// The load stopped, every write of it sent again, and everything held against everything.
findings ended(load& work, const site& at)
{
    findings told;
    work.stop();
    work.settle();
    told.add(work.replay(), "");
    told.add(check_store(at), "");
    told.add(work.check(at), "");
    return told;
}
}  // namespace

findings be_without_database(pair& nodes, kit::milliseconds lasting)
{
    findings told;
    const auto as = nodes.at.found("away");
    load work{{.prefix = "away", .clients = 4}, as, {nodes.one.port(), nodes.other.port()}};
    work.start();
    await_progress(work);
    keep_leases_while_away(nodes.at, lasting, told);
    await_progress(work);
    told.add(ended(work, nodes.at), "");
    return told;
}

findings share_a_store(pair& nodes, int kills)
{
    findings told;
    const auto as = nodes.at.found("shared");
    load work{{.prefix = "shared", .clients = 6}, as, {nodes.one.port(), nodes.other.port()}};
    work.start();
    for (int time = 0; time < kills; ++time)
    {
        await_progress(work);
        node& victim = time % 2 == 0 ? nodes.one : nodes.other;
        victim.kill();
        victim.wait(kit::milliseconds{10'000});
        victim.start();
        ++told.counted["kills"];
    }
    told.add(ended(work, nodes.at), "");
    return told;
}
}  // namespace scenario
