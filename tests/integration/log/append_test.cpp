// What one round may carry and what becomes of it, against a real PostgreSQL.
#include "tests/kit/log/rounds.hpp"

#include <doctest/doctest.h>

using namespace log_tests;
using enum verdict_kind;
using kinds = std::vector<verdict_kind>;

namespace
{
struct given_a_tenant
{
    kit::database db;
    store log{at(db.dsn())};
    tenant acme = new_born(log);

    std::int64_t events() const { return std::stoll(db.run("select count(*) from es.event")); }
};
}  // namespace

TEST_CASE_FIXTURE(given_a_tenant, "events stand in their lane one after another and come back byte for byte")
{
    stream task = acme.fresh_stream();
    const std::string data = "{\"title\":  \"caf\\u00e9 \\\"x\\\" \xE2\x82\xAC\", \"n\": 1.50}";
    const auto verdicts = log.append(round_of({command{acme}.expect(acme.org).write(task, "task.changed", data),
                                               command{acme}.expect(acme.org).write(task)}));

    CHECK(kinds_of(verdicts) == kinds{appended, appended});
    CHECK(verdicts[0].last == position{3, 2});
    CHECK(verdicts[1].last == position{3, 3});
    const std::vector<stream_ask> asks{{task.key}, {acme.org.key}, {acme.fresh_stream().key}};
    const auto loaded = log.load(asks, {});
    REQUIRE(loaded.streams[0].size() == 2);
    CHECK(loaded.streams[0][0].data == data);
    CHECK(loaded.streams[0][0].at == position{3, 2});
    CHECK(loaded.streams[0][1].version == 2);
    CHECK(loaded.streams[0][1].event_id == task.at.last_event_id);
    CHECK(loaded.streams[0][0].recorded_at <= loaded.streams[0][1].recorded_at);
    CHECK(loaded.streams[1].size() == 1);
    CHECK(loaded.streams[2].empty());
}

TEST_CASE_FIXTURE(given_a_tenant, "a part of a stream can be asked for")
{
    stream task = acme.fresh_stream();
    log.append(round_of({command{acme}.write(task).write(task).write(task).write(task)}));

    const std::vector<stream_ask> asks{{task.key, 1, 3}};
    const auto loaded = log.load(asks, {});

    REQUIRE(loaded.streams[0].size() == 2);
    CHECK(loaded.streams[0][0].version == 2);
    CHECK(loaded.streams[0][1].version == 3);
}

TEST_CASE_FIXTURE(given_a_tenant, "a command decided on an old head is refused, and costs its neighbours nothing")
{
    stream task = acme.fresh_stream();
    log.append(round_of({command{acme}.write(task)}));
    stream stale = task;
    log.append(round_of({command{acme}.write(task)}));

    stream left = acme.fresh_stream(), right = acme.fresh_stream();
    const auto verdicts =
        log.append(round_of({command{acme}.write(left), command{acme}.write(stale), command{acme}.write(right)}));

    CHECK(kinds_of(verdicts) == kinds{appended, head_moved, appended});
    CHECK(verdicts[2].last.seq == verdicts[0].last.seq + 1);
    CHECK(events() == 5);
}

TEST_CASE_FIXTURE(given_a_tenant, "the same version of another event is not the head")
{
    stream task = acme.fresh_stream();
    log.append(round_of({command{acme}.write(task)}));
    stream forged = task;
    forged.at.last_event_id = fresh_id();
    stream ahead = task;
    ahead.at.version = 7;

    CHECK(kinds_of(log.append(round_of({command{acme}.write(forged)}))) == kinds{head_moved});
    CHECK(kinds_of(log.append(round_of({command{acme}.write(ahead)}))) == kinds{head_moved});
    CHECK(events() == 2);
}

TEST_CASE_FIXTURE(given_a_tenant, "a stream that a command merely read counts like one it wrote")
{
    stream stale_org = acme.org;
    log.append(round_of({command{acme}.write(acme.org, "org.changed")}));

    stream task = acme.fresh_stream();
    CHECK(kinds_of(log.append(round_of({command{acme}.expect(stale_org).write(task)}))) == kinds{head_moved});
    CHECK(events() == 2);
}

TEST_CASE_FIXTURE(given_a_tenant, "a command built on a refused one is refused too")
{
    stream other = acme.fresh_stream();
    log.append(round_of({command{acme}.write(other)}));
    stream stale = acme.fresh_stream();
    stale.key = other.key;

    stream task = acme.fresh_stream();
    const auto verdicts =
        log.append(round_of({command{acme}.write(stale).write(task), command{acme}.write(task),
                             command{acme}.write(task), command{acme}.expect(acme.org).remember("k")}));

    CHECK(kinds_of(verdicts) == kinds{head_moved, head_moved, head_moved, appended});
    CHECK(events() == 2);
}

TEST_CASE_FIXTURE(given_a_tenant, "one command writes several streams, all or none")
{
    stream a = acme.fresh_stream(), b = acme.fresh_stream("project");
    CHECK(kinds_of(log.append(round_of({command{acme}.write(a).write(b).write(a)}))) == kinds{appended});
    CHECK(events() == 4);

    stream stale_a = a;
    log.append(round_of({command{acme}.write(a)}));
    CHECK(kinds_of(log.append(round_of({command{acme}.write(b).write(stale_a)}))) == kinds{head_moved});
    CHECK(events() == 5);
}

TEST_CASE_FIXTURE(given_a_tenant, "a group is appended all or none, and its neighbours do not care")
{
    stream task = acme.fresh_stream();
    log.append(round_of({command{acme}.write(task)}));
    stream stale = task;
    log.append(round_of({command{acme}.write(task)}));

    stream a = acme.fresh_stream(), b = acme.fresh_stream(), c = acme.fresh_stream(), d = acme.fresh_stream();
    const auto verdicts = log.append(
        round_of({command{acme}.write(a), command{acme}.write(b).together(1), command{acme}.write(stale).together(1),
                  command{acme}.write(c).together(1), command{acme}.write(d)}));

    CHECK(kinds_of(verdicts) == kinds{appended, group_refused, head_moved, group_refused, appended});
    CHECK(verdicts[4].last.seq == verdicts[0].last.seq + 1);
    CHECK(events() == 5);
}

TEST_CASE_FIXTURE(given_a_tenant, "a group in which all is well is appended")
{
    stream a = acme.fresh_stream(), b = acme.fresh_stream(), c = acme.fresh_stream();
    log.append(round_of({command{acme}.write(c)}));
    stream stale = c;
    stale.at = {};
    const auto verdicts = log.append(round_of({command{acme}.write(a).together(4), command{acme}.write(b).together(4),
                                               command{acme}.write(a).together(4), command{acme}.write(stale)}));
    CHECK(kinds_of(verdicts) == kinds{appended, appended, appended, head_moved});
}

TEST_CASE_FIXTURE(given_a_tenant, "a round of expectations is answered and commits nothing")
{
    stream stale_org = acme.org;
    log.append(round_of({command{acme}.write(acme.org, "org.changed")}));
    stream unborn = acme.fresh_stream();
    const auto rounds = db.run("select count(*) from es.round");

    const auto verdicts = log.append(round_of({command{acme}.expect(acme.org), command{acme}.expect(stale_org),
                                               command{acme}.expect(unborn).expect(acme.org)}));

    CHECK(kinds_of(verdicts) == kinds{appended, head_moved, appended});
    CHECK(verdicts[0].last == position{3, 2});
    CHECK(db.run("select count(*) from es.round") == rounds);
}

TEST_CASE_FIXTURE(given_a_tenant, "expectations ride along with commands that write")
{
    stream stale_org = acme.org;
    log.append(round_of({command{acme}.write(acme.org, "org.changed")}));
    stream task = acme.fresh_stream();

    const auto verdicts =
        log.append(round_of({command{acme}.expect(stale_org), command{acme}.write(task), command{acme}.expect(task)}));

    CHECK(kinds_of(verdicts) == kinds{head_moved, appended, appended});
}

TEST_CASE_FIXTURE(given_a_tenant, "a key used before is found out, also inside one round")
{
    stream a = acme.fresh_stream(), b = acme.fresh_stream();
    CHECK(kinds_of(log.append(round_of({command{acme}.write(a).remember("k-1", 201)}))) == kinds{appended});
    CHECK(kinds_of(log.append(round_of({command{acme}.write(b).remember("k-1")}))) == kinds{receipt_exists});
    stream c = acme.fresh_stream(), d = acme.fresh_stream();
    CHECK(kinds_of(log.append(round_of({command{acme}.write(c).remember("k-2"),
                                        command{acme}.write(d).remember("k-2")}))) == kinds{appended, receipt_exists});
    CHECK(events() == 3);

    const std::vector<receipt_ask> asks{{acme.id, "k-1"}, {acme.id, "unused"}, {fresh_id(), "k-1"}};
    const auto loaded = log.load({}, asks);
    REQUIRE(loaded.receipts[0].has_value());
    CHECK(loaded.receipts[0]->status == 201);
    CHECK(loaded.receipts[0]->shows == a.key);
    CHECK(loaded.receipts[0]->version == 1);
    CHECK(loaded.receipts[0]->principal == "api_key_test");
    CHECK(loaded.receipts[0]->fingerprint == hash_of("body"));
    CHECK(!loaded.receipts[1]);
    CHECK(!loaded.receipts[2]);
}

TEST_CASE_FIXTURE(given_a_tenant, "the receipt is judged first, then heads, then claims, then quotas")
{
    stream owner = acme.fresh_stream("member"), task = acme.fresh_stream();
    log.append(
        round_of({command{acme}.write(owner).take("member.email", "a@x", owner.key).remember("k").count("tasks", 5)}));
    const auto all_wrong = [&](bool key, bool head, bool claim, bool quota) {
        stream mine = acme.fresh_stream("member");
        stream stale = owner;
        stale.at = {};
        command one{acme};
        one.write(mine);
        if (key)
            one.remember("k");
        if (head)
            one.expect(stale);
        if (claim)
            one.take("member.email", "a@x", mine.key);
        if (quota)
            one.count("tasks", 1, 5);
        return log.append(round_of({one})).at(0);
    };

    CHECK(all_wrong(true, true, true, true).kind == receipt_exists);
    CHECK(all_wrong(false, true, true, true).kind == head_moved);
    const verdict taken = all_wrong(false, false, true, true);
    CHECK(taken.kind == claim_taken);
    CHECK(taken.scope == "member.email");
    const verdict over = all_wrong(false, false, false, true);
    CHECK(over.kind == quota_over);
    CHECK(over.scope == "tasks");
    CHECK(over.limit == 5);
    CHECK(over.used == 5);
}

TEST_CASE_FIXTURE(given_a_tenant, "a tenant is born once")
{
    tenant again = acme;
    again.org.at = {};
    const auto verdicts = log.append(round_of({command{again}.born(again).write(again.org)}));
    CHECK(kinds_of(verdicts) == kinds{head_moved});

    const auto found = log.find_tenant(acme.id);
    REQUIRE(found.has_value());
    CHECK(found->lane == 3);
    CHECK(found->wrapped_key == "wrapped");
    CHECK(!log.find_tenant(fresh_id()));
    CHECK(db.run("select count(*) from es.tenant") == "2");
}

TEST_CASE_FIXTURE(given_a_tenant, "a tenant stays in its lane")
{
    tenant strayed = acme;
    strayed.lane = 4;
    stream task = strayed.fresh_stream();
    CHECK_THROWS_AS(log.append(round_of({command{strayed}.write(task)})), std::logic_error);
    tenant unknown;
    stream other = unknown.fresh_stream();
    CHECK_THROWS_AS(log.append(round_of({command{unknown}.write(other)})), std::logic_error);
    CHECK(events() == 1);
    stream here = acme.fresh_stream();
    CHECK(kinds_of(log.append(round_of({command{acme}.write(here)}))) == kinds{appended});
}

TEST_CASE_FIXTURE(given_a_tenant, "new tenants go where the fewest are")
{
    CHECK(log.lane_for_new_tenant() == 1);  // the platform lives in 0
    new_born(log, 1);
    CHECK(log.lane_for_new_tenant() == 2);
}

TEST_CASE_FIXTURE(given_a_tenant, "a command names the platform tenant too, and both lanes keep their order")
{
    stream slug{{platform_tenant, "platform", fresh_id()}, {}};
    stream task = acme.fresh_stream();
    const auto verdicts = log.append(round_of({command{acme}.write(task).write(slug), command{acme}.write(task)}));

    CHECK(kinds_of(verdicts) == kinds{appended, appended});
    CHECK(verdicts[0].last == position{0, 1});
    CHECK(verdicts[1].last == position{3, 3});
    CHECK(db.run("select lanes::text from es.round order by recorded_at desc limit 1") == "{0,3}");
    CHECK(kinds_of(log.append(round_of({command{acme}.write(slug)}))) == kinds{appended});
}

TEST_CASE_FIXTURE(given_a_tenant, "subject keys come with every command that uses them and are kept once")
{
    const uuid person = fresh_id();
    stream stale = acme.org, a = acme.fresh_stream();
    stale.at = {};
    const auto verdicts = log.append(round_of({command{acme}.write(stale).key(person, "wrapped key"),
                                               command{acme}.write(a).key(person, "wrapped key"),
                                               command{acme}.write(a).key(person, "wrapped key")}));
    CHECK(kinds_of(verdicts) == kinds{head_moved, appended, appended});
    const std::vector<uuid> asked{person, fresh_id()};
    const auto keys = log.subject_keys(acme.id, asked);
    REQUIRE(keys.size() == 1);
    CHECK(keys[0].subject == person);
    CHECK(keys[0].wrapped == "wrapped key");

    stream b = acme.fresh_stream();
    const auto late = log.append(round_of({command{acme}.write(b).key(person, "another key")})).at(0);
    CHECK(late.kind == head_moved);
    CHECK(late.scope == "subject_key");
}
