// A running server with an organisation, and operators who ask its admin listener and the command line.
#pragma once

#include "tests/e2e/cli/session.hpp"
#include "tests/kit/eventually.hpp"
#include "tests/kit/scenario/node.hpp"
#include "tests/kit/scenario/site.hpp"
#include "tests/kit/wire.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace operators_desk
{
struct given_operators
{
    given_operators() { server.start(); }

    std::string key_with(const std::string& scopes)
    {
        return cli_session::member(run({"key", "create", "--ops", "--scopes", scopes, "--name", "A test"}), "api_key");
    }

    std::string run(std::vector<std::string> words)
    {
        for (const auto& each : {std::string{"--data"}, at.data_directory("operator").string(), std::string{"--dsn"},
                                 at.db.dsn("postgres"), std::string{"--json"}})
            words.push_back(each);
        const auto ended = cli_session::clientflow(std::move(words), kit::milliseconds{60'000});
        REQUIRE_MESSAGE(ended.end.exit_code == 0, ended.errors);
        return ended.output;
    }

    kit::reply ask(const std::string& method, const std::string& path, const std::string& key,
                   const std::string& body = {}, kit::header_list headers = {})
    {
        kit::wire line{server.admin_port()};
        if (!key.empty())
            headers.emplace_back("X-API-Key", key);
        if (!body.empty())
            headers.emplace_back("Content-Type", "application/json");
        return line.exchange(method, "/api/admin/" + path, headers, body);
    }

    // Begun, and its end once it is there.
    std::string work(const std::string& path, const std::string& body, const std::string& key)
    {
        const auto begun = ask("POST", path, key, body);
        REQUIRE_MESSAGE(begun.status == 202, begun.body);
        CHECK(cli_session::member(begun.body, "state") == "running");
        CHECK(cli_session::member(begun.body, "by").starts_with("key_"));
        std::string told;
        REQUIRE(kit::eventually(
            [&] {
                told = ask("GET", path, reading).body;
                return cli_session::member(told, "state") == "ended";
            },
            kit::milliseconds{60'000}));
        return told;
    }

    // As the projector leaves it.
    void stop_a_task()
    {
        at.ask("insert into read.parked (projection, version, lane, tenant_id, key, from_seq, cause, kind)"
               " select 'task', 1, lane, tenant_id, '01912345-6789-7abc-8def-0123456789ab', 1, 'a member is missing',"
               " 'cannot_decode' from es.tenant where tenant_id in (select tenant_id from es.event where type ="
               " 'org.created') limit 1");
    }

    scenario::site at;
    scenario::organisation acme = at.found("acme");
    scenario::node server{{.data = at.data_directory("server"),
                           .dsn = at.dsn(),
                           .settings = {"store.admin_dsn=" + at.db.dsn("postgres")}}};
    const std::string reading = key_with("ops:read"), replaying = key_with("ops:replay"),
                      writing = key_with("ops:write");
};
}  // namespace operators_desk
