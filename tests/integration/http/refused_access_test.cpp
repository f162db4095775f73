// Access that was refused to keys we know: told once a minute and key, in the audit alone, and never without bound.
#include "commands/lanes/aggregate.hpp"
#include "http/server/refused_access.hpp"
#include "tests/integration/http/stage.hpp"
#include "tests/kit/eventually.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

using http_tests::ask;
using http_tests::stage;
using http_tests::value_of;

namespace
{
http_tests::stage_options with_window(std::chrono::milliseconds window, std::size_t keys_max = 20)
{
    http_tests::stage_options made;
    made.adjust = [=](http::service_config& of) {
        of.refusals_window = window;
        of.refusals_keys_max = keys_max;
    };
    return made;
}

constexpr std::chrono::hours a_long_time{24 * 365};

std::string facts(const stage& in, const std::string& what)
{
    return in.db.run("select " + what + " from es.event where type = 'access.refused'");
}
}  // namespace

TEST_CASE("a key that may not do what it tries leaves one line, with how often, and where it came from last")
{
    stage in{with_window(std::chrono::milliseconds{200})};
    const auto of = in.new_tenant("knocked-at");
    const auto key = in.new_key(of, {api_key::scope::read});
    for (int i = 0; i < 5; ++i)
        CHECK(ask(in, key, "GET", "/api/v1/audit", "", {{"User-Agent", "knocker/1"}}).status == 403);
    CHECK(ask(in, key, "GET", "/api/v1/clients").status == 200);
    CHECK(ask(in, key, "GET", "/api/v1/nowhere").status == 404);

    std::string seen;
    const bool all_told = kit::eventually([&] {
        seen = ask(in, of.key, "GET", "/api/v1/audit?action=access.*").body;
        return facts(in, "coalesce(sum((data ->> 'count')::int), 0)") == "5" &&
               seen.find("access.refused") != std::string::npos;
    });
    CHECK(all_told);
    CHECK(std::stoi(facts(in, "count(*)")) < 5);
    CHECK(seen.find(R"("code":"forbidden","reason":"scope","route":"listAudit")") != std::string::npos);
    CHECK(seen.find(R"("agent":"knocker/1")") != std::string::npos);
    CHECK(seen.find(R"("ip":"127.0.0.1")") != std::string::npos);
    CHECK(seen.find(R"("actor":{"type":"key","id":"key_)") != std::string::npos);
    CHECK(facts(in, "bool_or(meta::text like '%knocker%' or meta::text like '%127.0.0.1%')") == "f");
    CHECK(ask(in, of.key, "GET", "/api/v1/activity").body.find("access") == std::string::npos);
    const auto id = value_of(seen.substr(seen.find("\"entity\"")), "entity_id");
    CHECK(id.starts_with("access_"));
    CHECK(ask(in, of.key, "GET", "/api/v1/audit?entity_id=" + id).body.find("access.refused") != std::string::npos);
}

TEST_CASE("keys that were revoked or have expired are told, unknown ones are not")
{
    stage in{with_window(a_long_time)};
    const auto of = in.new_tenant("left-behind");
    const auto expired = in.new_key(of, {api_key::scope::read});
    in.db.run("alter table es.event disable trigger user; update es.event set data ="
              " jsonb_set(data::jsonb, '{expires_at}', '\"2020-01-01T00:00:00.000000Z\"')::json"
              " where type = 'api_key.created' and data ->> 'name' = 'Another key'");
    CHECK(ask(in, expired, "GET", "/api/v1/clients").status == 401);
    CHECK(ask(in, expired, "GET", "/api/v1/clients").status == 401);

    const auto made = ask(in, of.key, "POST", "/api/v1/api-keys", R"({"name": "K", "scopes": ["read"]})");
    const auto revoked = value_of(made.body, "secret");
    CHECK(ask(in, revoked, "GET", "/api/v1/clients").status == 200);
    CHECK(ask(in, of.key, "DELETE", "/api/v1/api-keys/" + value_of(made.body, "id")).status == 200);
    int refused = 0;
    const bool is_over = kit::eventually([&] {
        refused += ask(in, revoked, "GET", "/api/v1/tasks").status == 401;
        return refused > 3;
    });
    CHECK(is_over);
    const auto never = "cf_live_" + std::string(33, 'a');
    CHECK(ask(in, never, "GET", "/api/v1/clients").status == 401);
    CHECK(ask(in, "", "GET", "/api/v1/clients").status == 401);
    CHECK(facts(in, "count(*)") == "0");  // the minute is not over

    in.service->stop();  // tells what it has
    CHECK(facts(in, "string_agg(data ->> 'reason' || ' ' || (data ->> 'count') || ' ' || (data ->> 'route'), ', '"
                    " order by data ->> 'reason')") ==
          "expired 2 listClients, revoked " + std::to_string(refused) + " listTasks");
    CHECK(facts(in, "bool_and(data ->> 'code' = 'unauthenticated')") == "t");
}

TEST_CASE("of many refused keys so many are told by themselves and the rest as one sum")
{
    stage in{with_window(a_long_time, 2)};
    const auto of = in.new_tenant("besieged"), other = in.new_tenant("quiet");
    std::vector<std::string> keys;
    for (int i = 0; i < 6; ++i)
        keys.push_back(in.new_key(of, {api_key::scope::read}));
    keys.push_back(in.new_key(other, {api_key::scope::read}));
    for (int round = 0; round < 3; ++round)
        for (const auto& key : keys)
            CHECK(ask(in, key, "POST", "/api/v1/clients", R"({"name": "C"})").status == 403);
    in.service->stop();
    const auto of_tenant = [&](const http_tests::tenant& which, const std::string& what) {
        return in.db.run("select " + what + " from es.event where type = 'access.refused' and tenant_id = '" +
                         which.id.text() + "'");
    };
    CHECK(of_tenant(of, "count(*) || ' ' || sum((data ->> 'count')::int)") == "3 18");
    CHECK(of_tenant(of, "string_agg(data ->> 'count', ' ' order by data ->> 'key_id' nulls last)") == "3 3 12");
    CHECK(of_tenant(of, "count(*) filter (where data ->> 'key_id' is null and data ->> 'route' is null)") == "1");
    CHECK(of_tenant(other, "count(*) || ' ' || sum((data ->> 'count')::int)") == "1 3");
}

namespace
{
// The way of commands as the test has it answered.
struct answered_as
{
    lanes::answer first;  // of each fact; then it is decided
    std::mutex mutex;
    std::vector<schema::uuid> asked;  // the streams, in the order asked

    http::refused_access::submit submit()
    {
        return [this](lanes::submission given, const std::function<void(lanes::answer)>& done) {
            lanes::answer said;
            {
                const std::lock_guard lock{mutex};
                const auto id = stream_of(given);
                if (std::find(asked.begin(), asked.end(), id) == asked.end())
                    said = first;
                asked.push_back(id);
            }
            done(said);
        };
    }
    static schema::uuid stream_of(const lanes::submission& given)
    {
        struct nothing final : lanes::view
        {
            std::int64_t version(std::string_view, const schema::uuid&) const override { return 0; }
            const void* find(const lanes::aggregate_type& of, const schema::uuid& stream) override
            {
                if (of.category == "access")
                    seen = stream;
                held.push_back(of.initial());
                return held.back().get();
            }
            schema::uuid seen;
            std::vector<std::shared_ptr<const void>> held;
        } sight;
        given.decide(sight);
        return sight.seen;
    }
};

http::refusal_seen a_refusal(std::uint8_t key)
{
    http::refusal_seen made;
    made.tenant.bytes.fill(1);
    made.key.value.bytes.fill(key);
    made.code = "forbidden";
    made.at = schema::system_clock{}.now();
    return made;
}
}  // namespace

TEST_CASE("while the store is away a fact is kept, and told later under the same id")
{
    for (const bool is_busy : {false, true})
    {
        answered_as by;
        if (is_busy)
            by.first.refused = lanes::refusal{lanes::refusal_kind::busy, "busy", "", {}, "", {}, "", 0, 0, 0};
        else
            by.first.unavailable = true;
        const schema::system_clock clock;
        http::refused_access_config config;
        config.window = std::chrono::milliseconds{20};
        http::refused_access counting{config, clock, by.submit()};
        counting.start();
        counting.count(a_refusal(7));
        CHECK(kit::eventually([&] { return counting.look().told == 1; }));
        counting.stop();
        CHECK(by.asked.size() == 2);
        CHECK(std::set<schema::uuid>(by.asked.begin(), by.asked.end()).size() == 1);
        CHECK(counting.look().lost == 0);
    }
}

TEST_CASE("the table of refusals is bounded: what finds no room is counted as lost and costs nothing else")
{
    answered_as by;
    const schema::system_clock clock;
    http::refused_access_config config;
    config.window = a_long_time;
    config.entries_max = 3;
    http::refused_access counting{config, clock, by.submit()};
    counting.start();
    for (std::uint8_t key = 1; key <= 10; ++key)
        for (int again = 0; again < 2; ++again)
            counting.count(a_refusal(key));
    counting.stop();
    CHECK(by.asked.size() == 3);
    CHECK(counting.look().counted == 20);
    CHECK(counting.look().told == 3);
    CHECK(counting.look().lost == 14);
}
