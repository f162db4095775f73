// An operator's look at who did what in an organisation.
#include "tests/e2e/cli/session.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using cli_session::member;
using cli_session::store;

namespace
{
// An organisation as it is founded, with its lines as the projector leaves them.
struct given_an_organisation
{
    given_an_organisation()
    {
        org = member(here.make_tenant("acme"), "org_id");
        here.database().run(
            "insert into read.audit_log (tenant_id, seq, version, occurred_at, recorded_at, event_id, entity_id, lane,"
            " entity, action, actor_type, actor_id) select tenant_id, seq, version, recorded_at, recorded_at, event_id,"
            " stream_id, lane, category, type, meta -> 'actor' ->> 'type', meta -> 'actor' ->> 'id' from es.event");
    }

    kit::finished log(std::vector<std::string> more)
    {
        std::vector<std::string> words{"audit", "log", "--org", org};
        words.insert(words.end(), more.begin(), more.end());
        return here.run(std::move(words));
    }

    store here;
    std::string org;
};

std::ptrdiff_t lines_in(const std::string& text) { return std::count(text.begin(), text.end(), '\n'); }
}  // namespace

TEST_CASE_FIXTURE(given_an_organisation, "the audit log of an organisation is one document, lines, or a table")
{
    const auto document = log({"--json"});
    REQUIRE_MESSAGE(document.end.exit_code == 0, document.errors);
    CHECK(document.output.starts_with("{\"data\":[{\"event_id\":\"evt_"));
    CHECK(document.output.ends_with("],\"next_cursor\":null,\"prev_cursor\":null}\n"));
    CHECK(document.output.find(R"("pointer":"/email","old":null,"new":"ada@acme.example")") != std::string::npos);
    CHECK(document.output.find(R"("entity_id":")" + org) != std::string::npos);
    CHECK(document.output.find("digest") == std::string::npos);

    const auto all = lines_in(log({}).output);
    CHECK(all >= 3);
    const auto table = log({"--csv"});
    CHECK(table.output.starts_with("event_id,type,version,"));
    CHECK(lines_in(table.output) == all + 1);
    CHECK(table.output.find("\"[{\"\"pointer\"\":\"\"/") != std::string::npos);
}

TEST_CASE_FIXTURE(given_an_organisation, "the audit log of an organisation is found by its slug, too")
{
    const auto found = here.run({"audit", "log", "--org", "acme"});
    REQUIRE_MESSAGE(found.end.exit_code == 0, found.errors);
    CHECK(found.output == log({}).output);
    CHECK(lines_in(found.output) >= 3);
}

TEST_CASE_FIXTURE(given_an_organisation, "what is left of the audit log is told to be there, and gone on to")
{
    const auto all = log({}).output;
    std::string seen;
    std::string cursor;
    for (std::ptrdiff_t left = lines_in(all); left > 0; --left)
    {
        auto next = std::vector<std::string>{"--last", "1", "--json"};
        if (!cursor.empty())
            next.push_back("--cursor=" + cursor);
        const auto document = log(next).output;
        CHECK((member(document, "next_cursor") == "") == (left == 1));
        const auto lines = log(cursor.empty() ? std::vector<std::string>{"--last", "1"}
                                              : std::vector<std::string>{"--last", "1", "--cursor=" + cursor});
        seen += lines.output;
        cursor = member(document, "next_cursor");
        CHECK((lines.errors.find("--cursor " + cursor + "\n") != std::string::npos) == (left > 1));
    }
    CHECK(seen == all);
}

TEST_CASE_FIXTURE(given_an_organisation, "it is filtered as the API filters, and what is no filter is refused")
{
    CHECK(lines_in(log({"--action", "org.created"}).output) == 1);
    CHECK(lines_in(log({"--entity", "member", "--q", "ADDED"}).output) == 1);
    CHECK(lines_in(log({"--entity-id", org}).output) == 1);
    CHECK(lines_in(log({"--actor", "member"}).output) == 0);
    CHECK(lines_in(log({"--last", "2"}).output) == 2);
    for (const std::string& wrong : {std::string{"acme"}, std::string{"-5"}, std::string{"01"}, std::string{">1"}})
        CHECK(log({"--cursor=" + wrong}).end.exit_code == 2);
    CHECK(lines_in(log({"--from", "2999-01-01"}).output) == 0);
    CHECK(log({"--from", "yesterday"}).end.exit_code == 2);
    CHECK(log({"--entity", "dream"}).end.exit_code == 2);
    CHECK(here.run({"audit", "log"}).end.exit_code == 2);
    CHECK(here.run({"audit", "log", "--org", "Acme GmbH"}).end.exit_code == 2);
    CHECK(here.run({"audit", "log", "--org", "nobody"}).end.exit_code == 3);
    CHECK(here.run({"audit", "log", "--org", "org_01hz3v5k8qe2r9w7x4n6m1t0ab"}).end.exit_code == 3);
}
