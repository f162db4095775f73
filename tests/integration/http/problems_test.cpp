// Every code of a refusal, the machine's own and the nouns', provoked over the real API. A code without a row here
// fails, so a new code brings its way of coming about.
#include "commands/client.hpp"
#include "commands/org.hpp"
#include "http/catalogue.hpp"
#include "http/server/problem.hpp"
#include "tests/integration/http/stage.hpp"
#include "tests/kit/lanes/site.hpp"
#include "tests/kit/scenario/held.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <string>
#include <string_view>

namespace
{
using http_tests::ask;
using http_tests::stage;
using http_tests::tenant;
using http_tests::value_of;

const std::string_view clients = "/api/v1/clients";
const std::string_view ann = R"({"name": "Ann"})";

http_tests::stage_options without_projections()
{
    http_tests::stage_options made;
    made.projections = false;
    return made;
}

struct house
{
    stage in;
    tenant of = in.new_tenant("problems");

    kit::reply ask(std::string_view method, std::string_view target, std::string_view body = {},
                   kit::header_list more = {}) const
    {
        return http_tests::ask(in, of.key, method, target, body, std::move(more));
    }
    std::string made(std::string_view target, std::string_view body) const
    {
        const auto reply = ask("POST", target, body);
        REQUIRE_MESSAGE(reply.status == 201, reply.body);
        return std::string{target} + '/' + value_of(reply.body, "id");
    }
};

house& usual()
{
    static house made;
    return made;
}

// A client's command through the lane writers of another process on the same store.
template <class Command>
void run_elsewhere(stage& in, const tenant& of, Command asked)
{
    kit::office elsewhere{in.db.dsn(), in.room.path() / "master.key", {}, std::chrono::seconds{10}};
    lanes::origin from;
    from.tenant = of.id;
    from.by = {event_log::actor_type::operator_, "test"};
    from.now = from.occurred_at = in.clock.now();
    auto sent = kit::command(of.id, [any = client::command{std::move(asked)}, from](lanes::view& sight) {
        return handle(any, sight, from);
    });
    sent.shown_as = &lanes::aggregate_of<client::state>();
    const auto answer = elsewhere.ask(std::move(sent));
    REQUIRE(answer.was_applied == lanes::applied::yes);
}

// -- What takes more than one request to come about

kit::reply reach_a_limit()
{
    auto& in = usual().in;
    static const auto of = in.new_tenant("starting", org::plan::starter);
    kit::reply last;
    for (int i = 0; i < 6; ++i)
        last = ask(in, of.key, "POST", "/api/v1/projects", R"({"name": "P"})");
    CHECK(value_of(last.body, "metric") == "projects");
    CHECK(value_of(last.body, "limit") == "5");
    CHECK(value_of(last.body, "used") == "5");
    CHECK(value_of(last.body, "upgrade_url") == "/plans");
    return last;
}

kit::reply write_while_suspended()
{
    auto& in = usual().in;
    const auto of = in.new_tenant("unpaid");
    const org::command any{org::suspend{{of.id}, {}, "Unpaid"}};
    in.run(
        of.id, [any](lanes::view& sight, const lanes::origin& from) { return handle(any, sight, from); },
        lanes::aggregate_of<org::state>());
    return ask(in, of.key, "POST", clients, ann);
}

kit::reply ask_too_often()
{
    auto& in = usual().in;
    const auto key = in.new_key(usual().of, {api_key::scope::read}, 1);
    CHECK(ask(in, key, "GET", "/api/v1/me").status == 200);
    return ask(in, key, "GET", "/api/v1/me");
}

kit::reply reuse_a_key()
{
    const kit::header_list key{{"Idempotency-Key", "reused"}};
    CHECK(usual().ask("POST", clients, ann, key).status == 201);
    return usual().ask("POST", clients, R"({"name": "Bob"})", key);
}

kit::reply reuse_an_id()
{
    const auto id = client::client_id{usual().in.new_id()}.text();
    usual().made(clients, R"({"name": "Ann", "id": ")" + id + "\"}");
    return usual().ask("POST", clients, R"({"name": "Bob", "id": ")" + id + "\"}");
}

kit::reply hold_what_is_completed()
{
    const auto project = usual().made("/api/v1/projects", R"({"name": "P"})");
    CHECK(usual().ask("POST", project + "/complete").status == 200);
    const auto refused = usual().ask("POST", project + "/hold");
    CHECK(value_of(refused.body, "state") == "completed");
    CHECK(refused.body.find(R"("allowed_verbs":["reopen"])") != std::string::npos);
    return refused;
}

kit::reply match_another_version()
{
    const auto refused = usual().ask("PATCH", usual().made(clients, ann), ann, {{"If-Match", "\"7\""}});
    CHECK(refused.header("ETag") == "\"1\"");
    return refused;
}

kit::reply send_too_slowly()
{
    auto options = without_projections();
    options.adjust = [](http::service_config& config) { config.api.header_time_max = std::chrono::milliseconds{300}; };
    stage in{options};
    auto wire = in.connect();
    wire.send("GET /api/v1/me HTT");
    return wire.read();
}

// The server holds version 1 in its cache, another process has written version 2, and one lost race is enough.
kit::reply lose_every_race()
{
    CHECK(lanes::writer_config{}.attempts_max == 3);
    auto options = without_projections();
    options.adjust_writers = [](lanes::writer_config& writers) { writers.attempts_max = 1; };
    stage in{options};
    const auto of = in.new_tenant("raced");
    const auto id = value_of(ask(in, of.key, "POST", clients, ann).body, "id");
    client::change overtaking;
    overtaking.id = *client::client_id::parse(id);
    overtaking.name = std::string{"Bob"};
    run_elsewhere(in, of, overtaking);
    const auto path = std::string{clients} + '/' + id;
    auto refused = ask(in, of.key, "PATCH", path, R"({"name": "Eve"})");
    const auto again = ask(in, of.key, "PATCH", path, R"({"name": "Eve"})");
    CHECK(again.status == 200);
    CHECK(again.header("ETag") == "\"3\"");
    return refused;
}

// An event that nobody can read, in a stream that the server has not seen yet.
kit::reply meet_a_broken_event()
{
    stage in{without_projections()};
    const auto of = in.new_tenant("broken");
    client::create asked;
    asked.id.value = in.new_id();
    asked.name = "Ann";
    run_elsewhere(in, of, asked);
    in.db.run("alter table es.event disable trigger event_is_immutable");
    in.db.run("update es.event set data = '[\"a secret\"]' where stream_id = '" + asked.id.value.text() + '\'');
    const auto path = std::string{clients} + '/' + asked.id.text();
    auto refused = ask(in, of.key, "PATCH", path, R"({"name": "Eve"})");
    CHECK(refused.body == R"({"type":"/problems/internal","title":"Something failed here.","status":500,)"
                          R"("detail":"Something failed here.","instance":")" +
                              path + R"(","code":"internal","request_id":")" + *refused.header("X-Request-Id") +
                              R"(","retryable":true,"applied":"no","errors":[],"error":"Something failed here."})");
    return refused;
}

// One writer whose round waits for its lane, a queue of one that is full, and one more.
kit::reply find_the_queue_full()
{
    auto options = without_projections();
    options.adjust_writers = [](lanes::writer_config& writers) {
        writers.writers = 1;
        writers.queue_commands_max = 1;
    };
    stage in{options};
    const auto of = in.new_tenant("queueing");
    const kit::header_list headers{{"X-API-Key", of.key}, {"Content-Type", "application/json"}};
    scenario::held_transaction lanes{in.db.dsn("postgres"),
                                     {"select count(pg_advisory_xact_lock(7105, lane)) from es.lane"}};
    auto at_work = in.connect();
    at_work.request("POST", clients, headers, ann);
    kit::await("an append that waits for its lane", [&] {
        return in.db.run("select count(*) from pg_locks where not granted and locktype = 'advisory' and database = "
                         "(select oid from pg_database where datname = current_database())") != "0";
    });
    auto waiting = in.connect();
    waiting.request("POST", clients, headers, ann);
    kit::await("a command in the queue", [&] { return in.commands->take_figures().waiting == 1; });
    auto refused = ask(in, of.key, "POST", clients, ann);
    lanes.release();
    CHECK(at_work.read().status == 201);
    CHECK(waiting.read().status == 201);
    CHECK(in.db.run("select count(*) from es.event where type = 'client.created'") == "2");
    return refused;
}

kit::reply find_the_pool_full()
{
    auto options = without_projections();
    options.adjust = [](http::service_config& config) { config.queries_waiting.all_max = 0; };
    stage in{options};
    const auto of = in.new_tenant("reading");
    return ask(in, of.key, "GET", clients);
}

kit::reply connect_once_too_often()
{
    auto options = without_projections();
    options.adjust = [](http::service_config& config) { config.api.connections_max = 1; };
    stage in{options};
    auto first = in.connect();
    CHECK(first.exchange("GET", "/api/v1/me").status == 401);
    return in.connect().read();
}

// A database that ends its sessions and lets nobody in.
kit::reply lose_the_store(std::string_view method)
{
    auto options = without_projections();
    options.adjust = [](http::service_config& config) { config.command_time_max = std::chrono::milliseconds{500}; };
    stage in{options};
    const auto of = in.new_tenant("cut-off");
    CHECK(ask(in, of.key, "GET", "/api/v1/me").status == 200);
    in.db.server().run("alter database " + in.db.name() + " allow_connections false", "postgres");
    in.db.server().run("select pg_terminate_backend(pid) from pg_stat_activity where datname = '" + in.db.name() + '\'',
                       "postgres");
    return ask(in, of.key, method, clients, method == "POST" ? ann : "");
}

kit::reply read_too_early()
{
    stage in{without_projections()};
    const auto of = in.new_tenant("early");
    CHECK(ask(in, of.key, "POST", clients, ann).status == 201);
    return ask(in, of.key, "GET", clients, "", {{"Prefer", "wait=0, handling=strict"}});
}

kit::reply ask_with_another_method()
{
    const auto refused = usual().ask("PUT", clients, ann);
    CHECK(refused.header("Allow") == "GET, HEAD, POST, OPTIONS");
    return refused;
}

kit::reply send_another_media_type()
{
    auto wire = usual().in.connect();
    const auto refused =
        wire.exchange("POST", clients, {{"X-API-Key", usual().of.key}, {"Content-Type", "text/plain"}}, ann);
    CHECK(refused.header("Accept") == "application/json");
    return refused;
}

struct provocation
{
    std::string_view code;
    kit::reply (*provoke)();
    bool may_be_applied = false;  // then `applied` may also be "unknown"
};

// One command's answer out of a batch's, as if it had been sent alone.
kit::reply be_a_sibling_of_a_refused_one()
{
    const auto whole = usual().ask("POST", "/api/v1/batch", R"({"atomic": true, "commands": [
        {"method": "POST", "path": "/api/v1/clients", "body": {"name": "Ann"}},
        {"method": "POST", "path": "/api/v1/nothing"}]})");
    CHECK(whole.status == 200);
    const auto begin = whole.body.find("\"body\":") + 7;
    kit::reply sibling;
    sibling.status = std::stoi(value_of(whole.body, "status"));
    sibling.body = whole.body.substr(begin, whole.body.find("},{\"status\"") - begin);
    sibling.headers = {{"Content-Type", value_of(whole.body, "Content-Type")},
                       {"X-Request-Id", whole.header("X-Request-Id").value_or("")}};
    return sibling;
}

const provocation provocations[] = {
    {"malformed", [] { return usual().ask("POST", clients, "{"); }},
    {"bad_query", [] { return usual().ask("GET", "/api/v1/clients?limit=0"); }},
    {"bad_cursor", [] { return usual().ask("GET", "/api/v1/clients?cursor=nonsense"); }},
    {"unauthenticated", [] { return ask(usual().in, "", "GET", clients); }},
    {"plan_limit_reached", reach_a_limit},
    {"forbidden",
     [] { return ask(usual().in, usual().in.new_key(usual().of, {api_key::scope::read}), "POST", clients, ann); }},
    {"org.suspended", write_while_suspended},
    {"not_found", [] { return usual().ask("GET", "/api/v1/clients/client_01h455vb4pex5vsknk084sn02q"); }},
    {"method_not_allowed", ask_with_another_method},
    {"not_acceptable",
     [] {
         return usual().ask("GET", clients, "", {{"Accept", "image/png"}});
     }},
    {"request_timeout", send_too_slowly},
    {"conflict", lose_every_race},
    {"already_exists", reuse_an_id},
    {"state_conflict", hold_what_is_completed},
    {"version_mismatch", match_another_version},
    {"too_large", [] { return usual().ask("POST", clients, R"({"name": ")" + std::string(300'000, 'a') + "\"}"); }},
    {"uri_too_long", [] { return usual().ask("GET", "/api/v1/clients?q=" + std::string(9'000, 'a')); }},
    {"unsupported_media_type", send_another_media_type},
    {"invalid", [] { return usual().ask("POST", clients, R"({"name": 5})"); }},
    {"idempotency_key_reused", reuse_a_key},
    {"batch_refused", be_a_sibling_of_a_refused_one},
    {"rate_limited", ask_too_often},
    {"headers_too_large",
     [] {
         return usual().ask("GET", clients, "", {{"A", std::string(17'000, 'a')}});
     }},
    {"internal", meet_a_broken_event},
    {"busy", find_the_queue_full},
    {"busy", find_the_pool_full},
    {"busy", connect_once_too_often},
    {"unavailable", [] { return lose_the_store("POST"); }, true},
    {"unavailable", [] { return lose_the_store("GET"); }},
    {"not_yet", read_too_early},
};

// Codes of the table that nothing here can be answered with, and why.
const std::map<std::string_view, std::string_view> never_answered{
    {"idempotency_in_flight", "the lane writers take the contract's other way: they wait, and replay the answer"},
};

// Each of these is on an item of its own that is archived first, and then written to.
std::string archived(const std::string& path, const std::string& write)
{
    CHECK(usual().ask("DELETE", path).status == 200);
    const auto refused = usual().ask("PATCH", path, write);
    CHECK(refused.status == 409);
    return value_of(refused.body, "code");
}
}  // namespace

TEST_CASE("every code of the machine's table comes about over the API, with all that a problem must carry")
{
    std::set<std::string_view> seen;
    for (const auto& [code, provoke, may_be_applied] : provocations)
    {
        CAPTURE(code);
        const auto* kind = http::find_problem(code);
        REQUIRE(kind);
        const auto reply = provoke();
        CAPTURE(reply.body);
        CHECK(value_of(reply.body, "code") == code);
        CHECK(reply.status == kind->status);
        CHECK(reply.header("Content-Type") == "application/problem+json");
        CHECK(value_of(reply.body, "type") == "/problems/" + std::string{code});
        CHECK(value_of(reply.body, "title") == kind->title);
        CHECK(value_of(reply.body, "status") == std::to_string(kind->status));
        CHECK(value_of(reply.body, "retryable") == (kind->retryable ? "true" : "false"));
        const auto applied = value_of(reply.body, "applied");
        CHECK((applied == "no" || (may_be_applied && applied == "unknown")));
        CHECK(value_of(reply.body, "error") == value_of(reply.body, "detail"));
        CHECK(value_of(reply.body, "request_id") == reply.header("X-Request-Id").value_or("none"));
        CHECK(reply.body.find("\"errors\":[") != std::string::npos);
        CHECK(reply.header("WWW-Authenticate").has_value() == (kind->status == 401));
        const auto retry_after = reply.header("Retry-After");
        CHECK(retry_after.has_value() == (kind->status == 429 || kind->status == 503));
        if (retry_after)
            CHECK(std::stoi(*retry_after) >= 1);
        CHECK(ask(usual().in, "", "GET", "/problems/" + std::string{code}).status == 200);
        seen.insert(code);
    }
    for (const http::problem_kind& kind : http::problem_kinds())
    {
        CAPTURE(kind.code);
        CHECK(seen.contains(kind.code) != never_answered.contains(kind.code));
    }
}

TEST_CASE("every code of the nouns comes about over the API")
{
    auto& h = usual();
    const auto project = h.made("/api/v1/projects", R"({"name": "P"})");
    const auto task =
        h.made("/api/v1/tasks", R"({"title": "T", "project_id": ")" + project.substr(project.rfind('/') + 1) + "\"}");
    std::set<std::string> seen{
        archived(h.made(clients, ann), R"({"name": "Bob"})"),
        archived(h.made(task + "/comments", R"({"body": "B"})"), R"({"body": "C"})"),
        archived(h.made("/api/v1/time-entries", R"({"minutes": 1, "spent_on": "2026-11-26", "project_id": ")" +
                                                    project.substr(project.rfind('/') + 1) + "\"}"),
                 R"({"minutes": 2})"),
        archived(task, R"({"title": "U"})"),
        archived(project, R"({"name": "Q"})"),
        archived(h.made("/api/v1/members", R"({"email": "gone@example.org", "name": "G"})"), R"({"name": "H"})"),
        archived(h.made("/api/v1/api-keys", R"({"name": "K"})"), R"({"name": "L"})"),
        value_of(h.ask("DELETE", "/api/v1/members/" + member::member_id{h.of.owner}.text()).body, "code"),
    };
    for (const auto table : http::all_routes())
        for (const http::route& route : table)
            for (const http::domain_code& one : route.codes)
            {
                CAPTURE(route.operation);
                CHECK_MESSAGE(seen.contains(std::string{one.code}), one.code);
                CHECK(one.status == 409);
            }
}
