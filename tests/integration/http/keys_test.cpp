// Keys in a process that has forgotten, cannot read or has counted something of them.
#include "tests/integration/http/stage.hpp"
#include "tests/kit/eventually.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace
{
using http_tests::ask;
using http_tests::stage;
using http_tests::value_of;
}  // namespace

TEST_CASE("keys of tenants that the keyring has forgotten are learned again")
{
    http_tests::stage_options options;
    options.cached_keys_max = 12;  // of three tenants
    options.projections = false;
    stage in{options};
    std::vector<http_tests::tenant> all;
    for (const auto* slug : {"one", "two", "three", "four", "five", "six", "seven"})
        all.push_back(in.new_tenant(slug));
    for (int round = 0; round < 3; ++round)
        for (const auto& of : all)
        {
            const auto said = ask(in, of.key, "POST", "/api/v1/clients", R"({"name": "C"})",
                                  {{"Idempotency-Key", "k" + std::to_string(round)}});
            CHECK_MESSAGE(said.status == 201, said.body);
        }
}

TEST_CASE("a history is opened with its tenant's key, also while other work pushes it out of the keyring")
{
    http_tests::stage_options options;
    options.cached_keys_max = 12;  // of three tenants
    stage in{options};
    // Keys of strangers, one after another, as a busy process learns them.
    std::vector<event_log::tenant_entry> strangers;
    for (int i = 0; i < 16; ++i)
    {
        const auto id = in.new_id();
        strangers.push_back({id, 0, in.keys->make_tenant_key(id)});
    }
    std::jthread busy{[&](const std::stop_token& over) {
        for (std::size_t i = 0; !over.stop_requested(); i = (i + 1) % strangers.size())
        {
            const auto held = in.keys->hold();
            in.keys->learn_tenant(strangers[i]);
            in.keys->learn_subject(in.keys->make_subject_key(strangers[i].tenant, strangers[i].tenant));
        }
    }};
    std::vector<std::pair<http_tests::tenant, std::string>> all;
    for (const auto* slug : {"one", "two", "three", "four", "five", "six", "seven"})
    {
        const auto of = in.new_tenant(slug);
        const auto made = ask(in, of.key, "POST", "/api/v1/clients", R"({"name": "C", "email": "c@example.org"})",
                              {{"Idempotency-Key", "once"}});
        CHECK_MESSAGE(made.status == 201, made.body);
        all.emplace_back(of, "/api/v1/clients/" + value_of(made.body, "id"));
    }
    for (const auto& [of, path] : all)
        for (const auto* what : {"/history", "?at=1"})
        {
            const auto said = ask(in, of.key, "GET", path + what);
            CHECK_MESSAGE(said.status == 200, said.body);
            CHECK(said.body.find("c@example.org") != std::string::npos);
        }
    for (const auto& [of, path] : all)
    {
        const auto said = ask(in, of.key, "GET", "/api/v1/audit");
        CHECK_MESSAGE(said.status == 200, said.body);
        CHECK(said.body.find("c@example.org") != std::string::npos);
    }
}

TEST_CASE("a key whose history cannot be read is refused; the others are not believed any longer for it")
{
    stage in;
    const auto of = in.new_tenant("readable");
    const auto spoilt = in.new_tenant("spoilt");
    const auto revoked = in.new_tenant("revoked");
    CHECK(ask(in, spoilt.key, "GET", "/api/v1/me").status == 200);
    CHECK(ask(in, revoked.key, "GET", "/api/v1/me").status == 200);
    in.db.run("create function public.spoil() returns trigger language plpgsql as "
              "$$ begin new.data = '{\"name\": 5}'; return new; end $$;"
              "create trigger spoil before insert on es.event for each row when (new.type = 'api_key.changed') "
              "execute function public.spoil(); alter table es.event enable always trigger spoil");
    CHECK(ask(in, spoilt.key, "PATCH", "/api/v1/api-keys/" + spoilt.key_id, R"({"name": "N"})").status == 200);
    CHECK(kit::eventually([&] { return ask(in, spoilt.key, "GET", "/api/v1/me").status == 503; }));
    CHECK(ask(in, revoked.key, "DELETE", "/api/v1/api-keys/" + revoked.key_id).status == 200);
    CHECK(kit::eventually([&] {
        ask(in, spoilt.key, "GET", "/api/v1/me");
        return ask(in, revoked.key, "GET", "/api/v1/me").status == 401;
    }));
    CHECK(ask(in, of.key, "GET", "/api/v1/me").status == 200);
}

TEST_CASE("the usual rates: 120 a minute for an address without a key, 1,000 a minute for a key")
{
    http_tests::stage_options options;
    options.adjust = [](http::service_config& config) {
        config.address_per_minute = http::service_config{}.address_per_minute;
    };
    options.projections = false;
    stage in{options};
    const auto of = in.new_tenant("usual-rates");
    const auto key = in.new_key(of, {api_key::scope::read}, std::nullopt);
    // So many at once, and what the time that this takes brings anew.
    const auto expect_rate = [&](const kit::header_list& headers, std::int64_t per_minute, const std::string& policy) {
        auto wire = in.connect();
        const auto began = std::chrono::steady_clock::now();
        std::int64_t allowed = 0;
        auto last = wire.exchange("GET", "/api/v1/me", headers);
        for (; last.status != 429 && allowed < 10 * per_minute; ++allowed)
        {
            CHECK(last.header("RateLimit-Policy") == policy);
            last = wire.exchange("GET", "/api/v1/me", headers);
        }
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
        CHECK(last.status == 429);
        CHECK(allowed >= per_minute);
        CHECK(static_cast<double>(allowed) <= static_cast<double>(per_minute) * (1 + took.count() / 60) + 1);
    };
    expect_rate({}, 120, "\"address\";q=120;w=60");
    expect_rate({{"X-API-Key", key}}, 1'000, "\"key\";q=1000;w=60");
}
