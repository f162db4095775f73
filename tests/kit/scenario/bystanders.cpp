#include "tests/kit/scenario/bystanders.hpp"

#include "tests/kit/scenario/caller.hpp"
#include "tests/kit/scenario/held.hpp"
#include "tests/kit/scenario/invariants.hpp"
#include "tests/kit/scenario/members.hpp"
#include "tests/kit/scenario/node.hpp"

#include <algorithm>
#include <chrono>
#include <memory>

namespace scenario
{
namespace
{
struct holding
{
    const char* what;
    bool elsewhere;  // in another database of the cluster
    std::vector<std::string> statements;
};

const std::vector<holding>& holdings()
{
    static const std::vector<holding> all{
        {"an idle transaction", false, {"select 1"}},
        {"one that wrote elsewhere", false, {"insert into public.of_others values (1)"}},
        {"one with an old snapshot", false,
         {"set transaction isolation level repeatable read", "select count(*) from es.event"}},
        {"one that wrote in another database", true, {"create table of_others (n int)"}},
    };
    return all;
}

// Own writes show in less than a second, held transactions or not; the rest is for a busy machine and sanitizers.
constexpr long read_within_ms = 1'000;
constexpr long slack_ms = 500;

void write_and_read(caller& as, int writes, const std::string& while_held, findings& told)
{
    for (int n = 0; n < writes; ++n)
    {
        const answer made = as.call(
            {.method = "POST", .target = "/api/v1/projects", .body = R"({"name": "Seen at once"})"});
        told.expect(made.status() == 201, "a write beside " + while_held + " was answered " +
                                              std::to_string(made.status()) + ' ' + made.reply.body);
        const std::string path = "/api/v1/projects/" + text_member(made.reply.body, "id");
        const auto began = std::chrono::steady_clock::now();
        const answer seen = as.call({.target = path,
                                     .headers = {{"Clientflow-Position", made.position()},
                                                 {"Prefer", "handling=strict, wait=10"}}});
        const long took =
            std::chrono::duration_cast<kit::milliseconds>(std::chrono::steady_clock::now() - began).count();
        told.counted["slowest read ms"] = std::max(told.counted["slowest read ms"], took);
        told.expect(took <= read_within_ms + slack_ms,
                    "a read beside " + while_held + " took " + std::to_string(took) + " ms");
        told.expect(seen.status() == 200, "a read beside " + while_held + " was answered " +
                                              std::to_string(seen.status()) + ' ' + seen.reply.body);
        told.expect(!seen.reply.header("Clientflow-Stale"), "a read beside " + while_held + " was stale");
        told.expect(seen.reply.body == made.reply.body, "a read beside " + while_held + " shows " + seen.reply.body);
        ++told.counted["writes read"];
    }
}
}  // namespace

findings hold_transactions(site& at, int writes)
{
    findings told;
    at.ask("create table public.of_others (n int)");
    const auto as = at.found("bystanders");
    node server{{.data = at.data_directory("bystanders"), .dsn = at.dsn()}};
    server.start();
    caller client{server.port(), as.api_key};
    const auto open = [&](const holding& one)
    {
        return std::make_unique<held_transaction>(
            one.elsewhere ? at.cluster.dsn() : at.db.dsn("postgres"), one.statements);
    };
    for (const holding& each : holdings())
    {
        const auto held = open(each);
        write_and_read(client, writes, each.what, told);
        ++told.counted["transactions held"];
    }
    std::vector<std::unique_ptr<held_transaction>> all;
    for (const holding& each : holdings())
        all.push_back(open(each));
    write_and_read(client, writes, "all of them", told);
    told.add(check_store(at), "beside held transactions");
    told.expect(server.stop() == kit::ending{0, 0}, "the server did not stop well");
    return told;
}
}  // namespace scenario
