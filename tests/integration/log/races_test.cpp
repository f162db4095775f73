// Many at once: exactly one wins, and limits hold exactly.
#include "tests/kit/log/rounds.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <barrier>
#include <numeric>
#include <thread>

using namespace log_tests;
using enum verdict_kind;

namespace
{
struct given_a_tenant
{
    kit::database db;
    store log{at(db.dsn())};
    tenant acme = new_born(log);
};

// Runs `act(store, index)` on that many connections at the same moment; counts verdicts by kind.
template <class Act>
std::map<verdict_kind, int> race(const kit::database& db, int racers, Act act)
{
    std::mutex mutex;
    std::map<verdict_kind, int> counted;
    std::barrier start{racers};
    std::vector<std::thread> threads;
    for (int i = 0; i < racers; ++i)
        threads.emplace_back([&, i] {
            store mine{at(db.dsn())};
            mine.find_tenant(fresh_id());  // connected before the start
            start.arrive_and_wait();
            const auto verdicts = act(mine, i);
            const std::lock_guard lock{mutex};
            for (const verdict& each : verdicts)
                ++counted[each.kind];
        });
    for (std::thread& each : threads)
        each.join();
    return counted;
}
}  // namespace

TEST_CASE_FIXTURE(given_a_tenant, "of 32 racers on one stream at one version exactly one wins")
{
    stream task = acme.fresh_stream();
    log.append(round_of({command{acme}.write(task)}));
    for (int turn = 0; turn < 3; ++turn)
    {
        std::mutex mutex;
        stream won = task;
        const auto counted = race(db, 32, [&](store& mine, int) {
            stream copy = task;
            auto verdicts = mine.append(round_of({command{acme}.expect(acme.org).write(copy)}));
            if (verdicts[0].kind == appended)
            {
                const std::lock_guard lock{mutex};
                won = copy;
            }
            return verdicts;
        });
        CHECK(counted == std::map<verdict_kind, int>{{appended, 1}, {head_moved, 31}});
        task = won;
    }
    CHECK(db.run("select count(*) from es.event where category = 'task'") == "4");
}

TEST_CASE_FIXTURE(given_a_tenant, "of 16 births of one stream exactly one happens")
{
    const stream task = acme.fresh_stream();
    const auto counted = race(db, 16, [&](store& mine, int) {
        stream copy = task;
        return mine.append(round_of({command{acme}.write(copy)}));
    });
    CHECK(counted == std::map<verdict_kind, int>{{appended, 1}, {head_moved, 15}});
}

TEST_CASE_FIXTURE(given_a_tenant, "64 appenders reach a limit exactly")
{
    const auto counted = race(db, 64, [&](store& mine, int) {
        std::vector<verdict> all;
        for (int i = 0; i < 3; ++i)
        {
            stream project = acme.fresh_stream("project");
            const auto one = mine.append(round_of({command{acme}.write(project).count("projects", 1, 100)}));
            all.insert(all.end(), one.begin(), one.end());
        }
        return all;
    });
    CHECK(counted == std::map<verdict_kind, int>{{appended, 100}, {quota_over, 92}});
    CHECK(log.quotas(acme.id) == std::vector<std::pair<std::string, std::int64_t>>{{"projects", 100}});
}

TEST_CASE_FIXTURE(given_a_tenant, "the last owner stays, whoever else leaves at the same moment")
{
    stream any = acme.fresh_stream("member");
    log.append(round_of({command{acme}.write(any).count("owners", 8)}));
    const auto counted = race(db, 16, [&](store& mine, int) {
        stream member = acme.fresh_stream("member");
        return mine.append(round_of({command{acme}.write(member).count("owners", -1, {}, 1)}));
    });
    CHECK(counted == std::map<verdict_kind, int>{{appended, 7}, {quota_under, 9}});
}

TEST_CASE_FIXTURE(given_a_tenant, "a quota inside one round is exact, in whatever order it moves")
{
    const auto one = [&](std::int64_t delta) {
        stream project = acme.fresh_stream("project");
        return command{acme}.write(project).count("projects", delta, 2, 0);
    };
    const auto verdicts = log.append(round_of({one(1), one(1), one(1), one(-1), one(1), one(-1), one(-1), one(-1)}));
    CHECK(kinds_of(verdicts) == std::vector<verdict_kind>{appended, appended, quota_over, appended, appended, appended,
                                                          appended, quota_under});
    CHECK(log.quotas(acme.id).at(0).second == 0);
}

TEST_CASE_FIXTURE(given_a_tenant, "one value is claimed once, platform-wide, by tenants of many lanes")
{
    std::vector<tenant> tenants;
    for (int i = 0; i < 16; ++i)
        tenants.push_back(new_born(log, i));
    for (int turn = 0; turn < 5; ++turn)
    {
        const std::string slug = "slug-" + std::to_string(turn);
        const auto counted = race(db, 16, [&](store& mine, int i) {
            tenant& of = tenants[static_cast<std::size_t>(i)];
            stream project = of.fresh_stream("project");
            // Beside it an own value, in an order that would deadlock without a sorted or a repeated round.
            command one{of};
            one.write(project);
            one.take("org.slug", i % 2 == 0 ? slug : slug + "b", project.key, {}, true);
            one.take("org.slug", i % 2 == 0 ? slug + "b" : slug, project.key, {}, true);
            return mine.append(round_of({one}));
        });
        CHECK(counted == std::map<verdict_kind, int>{{appended, 1}, {claim_taken, 15}});
    }
    CHECK(db.run("select count(*) from es.claim") == "10");
}

TEST_CASE_FIXTURE(given_a_tenant, "a claim is given back only by its owner, and then taken by another")
{
    stream ann = acme.fresh_stream("member"), bob = acme.fresh_stream("member");
    log.append(round_of({command{acme}.write(ann).take("member.email", "a@x", ann.key)}));
    CHECK(log.find_claim(acme.id, "member.email", hash_of("a@x"))->owner == ann.key);

    log.append(round_of({command{acme}.write(bob).release("member.email", "a@x", bob.key)}));
    CHECK(log.find_claim(acme.id, "member.email", hash_of("a@x"))->owner == ann.key);
    CHECK(log.append(round_of({command{acme}.write(bob).take("member.email", "a@x", bob.key)})).at(0).kind ==
          claim_taken);
    bob.at = {1, bob.at.last_event_id};

    stream cay = acme.fresh_stream("member");
    const auto verdicts = log.append(round_of({command{acme}.write(ann).release("member.email", "a@x", ann.key),
                                               command{acme}.write(cay).take("member.email", "a@x", cay.key)}));
    CHECK(kinds_of(verdicts) == std::vector<verdict_kind>{appended, appended});
    CHECK(log.find_claim(acme.id, "member.email", hash_of("a@x"))->owner == cay.key);
    CHECK(!log.find_claim(acme.id, "member.email", hash_of("b@x")));
    CHECK(!log.find_claim(fresh_id(), "member.email", hash_of("a@x")));

    SUBCASE("the owner may take it again")
    {
        CHECK(log.append(round_of({command{acme}.write(cay).take("member.email", "a@x", cay.key)})).at(0).kind ==
              appended);
    }
    SUBCASE("one command may hand it on")
    {
        stream dan = acme.fresh_stream("member");
        CHECK(log.append(round_of({command{acme}
                                       .write(cay)
                                       .write(dan)
                                       .release("member.email", "a@x", cay.key)
                                       .take("member.email", "a@x", dan.key)}))
                  .at(0)
                  .kind == appended);
        CHECK(log.find_claim(acme.id, "member.email", hash_of("a@x"))->owner == dan.key);
    }
}

TEST_CASE_FIXTURE(given_a_tenant, "a group that loses a claim gives back everything else")
{
    stream ann = acme.fresh_stream("member"), bob = acme.fresh_stream("member");
    log.append(round_of({command{acme}.write(ann).take("member.email", "a@x", ann.key)}));
    const auto verdicts = log.append(
        round_of({command{acme}.write(bob).take("member.email", "b@x", bob.key).count("members", 1).together(1),
                  command{acme}.write(bob).take("member.email", "a@x", bob.key).together(1)}));
    CHECK(kinds_of(verdicts) == std::vector<verdict_kind>{group_refused, claim_taken});
    CHECK(!log.find_claim(acme.id, "member.email", hash_of("b@x")));
    CHECK(log.quotas(acme.id).empty());
}

TEST_CASE_FIXTURE(given_a_tenant, "rounds over the same two lanes from both sides never lock each other out")
{
    const auto counted = race(db, 8, [&](store& mine, int) {
        std::vector<verdict> all;
        for (int i = 0; i < 10; ++i)
        {
            stream task = acme.fresh_stream(), of_all{{platform_tenant, "platform", fresh_id()}, {}};
            command both{acme};
            if (i % 2 == 0)
                both.write(task).write(of_all);
            else
                both.write(of_all).write(task);
            const auto one = mine.append(round_of({both}));
            all.insert(all.end(), one.begin(), one.end());
        }
        return all;
    });
    CHECK(counted == std::map<verdict_kind, int>{{appended, 80}});
    CHECK(db.run("select count(*) = max(seq) and min(seq) = 1 from es.event where lane = 0") == "t");
}
