// Links that break and servers that stop in the middle of an append: what the store says is what happened.
#include "events/log/connection.hpp"
#include "events/log/watchdog.hpp"
#include "tests/kit/log/rounds.hpp"
#include "tests/kit/eventually.hpp"
#include "tests/kit/proxy.hpp"

#include <doctest/doctest.h>
#include <pqxx/pqxx>

#include <atomic>
#include <future>
#include <thread>

using namespace log_tests;
using enum verdict_kind;
using kinds = std::vector<verdict_kind>;

namespace
{
struct given_a_link
{
    kit::database db;
    store direct{at(db.dsn())};
    tenant acme = new_born(direct);
    kit::proxy link{db.server().port()};
    store log{at(db.dsn_through(link.port()))};

    std::int64_t tasks() const { return std::stoll(db.run("select count(*) from es.event where category = 'task'")); }
};

// Somebody who stops a lane for as long as it lives.
struct lane_stopped
{
    explicit lane_stopped(const kit::database& db) : admin{db.dsn("postgres")}, hold{admin}
    {
        hold.exec("select pg_advisory_xact_lock(7105, 3)");
    }
    pqxx::connection admin;
    pqxx::work hold;
};

bool somebody_waits(const kit::database& db)
{
    return db.run("select count(*) from pg_locks where locktype = 'advisory' and not granted and database ="
                  " (select oid from pg_database where datname = current_database())") != "0";
}
}  // namespace

TEST_CASE_FIXTURE(given_a_link, "an answer that is lost after the commit is found again by the round's id")
{
    log.find_tenant(acme.id);  // connected, prepared
    stream task = acme.fresh_stream();
    log.append(round_of({command{acme}.write(task)}));

    link.cut_after_bytes(kit::direction::to_client, 1);
    const auto verdicts = log.append(round_of({command{acme}.write(task), command{acme}.write(task)}));

    CHECK(kinds_of(verdicts) == kinds{appended, appended});
    CHECK(verdicts[1].last == position{3, 4});
    CHECK(tasks() == 3);
    CHECK(link.accepted() == 2);
}

TEST_CASE_FIXTURE(given_a_link, "the verdicts of a careful round are found again too")
{
    stream task = acme.fresh_stream();
    log.append(round_of({command{acme}.write(task)}));
    stream stale = task, more = acme.fresh_stream();
    log.append(round_of({command{acme}.write(task)}));
    // Contradicts itself, so it goes the careful way at once.
    stream other = stale;
    const auto careful = [&] {
        stream a = stale, b = other;
        return round_of({command{acme}.write(more), command{acme}.write(a), command{acme}.write(b)});
    };
    CHECK(kinds_of(log.append(careful())) == kinds{appended, head_moved, head_moved});
    more = acme.fresh_stream();
    link.cut_after_bytes(kit::direction::to_client, 1);

    const auto verdicts = log.append(careful());

    CHECK(kinds_of(verdicts) == kinds{appended, head_moved, head_moved});
    CHECK(verdicts[0].last == position{3, 5});
    CHECK(tasks() == 4);
}

TEST_CASE_FIXTURE(given_a_link, "a link that falls silent in mid-append leaves time to find out what the server did")
{
    store_config config = at(db.dsn_through(link.port()));
    config.append_deadline = std::chrono::seconds{6};
    store patient{config};
    stream task = acme.fresh_stream();
    patient.append(round_of({command{acme}.write(task)}));

    link.silence(kit::direction::to_client);
    const auto verdicts = patient.append(round_of({command{acme}.write(task)}));

    CHECK(kinds_of(verdicts) == kinds{appended});
    CHECK(verdicts[0].last == position{3, 3});
    CHECK(tasks() == 2);
}

TEST_CASE_FIXTURE(given_a_link, "an append that the server gives up by itself needs no new connection")
{
    store_config config = at(db.dsn_through(link.port()));
    config.append_deadline = std::chrono::seconds{6};
    config.read_deadline = std::chrono::milliseconds{100};
    config.lock_timeout = std::chrono::seconds{0};  // for ever
    store brief{config};
    brief.append(round_of({command{acme}.write(acme.org)}));
    const auto connections = link.accepted();
    auto stopped = std::make_unique<lane_stopped>(db);
    stream task = acme.fresh_stream();

    CHECK_THROWS_AS(brief.append(round_of({command{acme}.write(task)})), unreachable);
    CHECK(link.accepted() == connections);
    stopped.reset();
    CHECK(tasks() == 0);
}

TEST_CASE_FIXTURE(given_a_link, "an error that no server made leaves the outcome open; a server's own closes it")
{
    connection_config config;
    config.dsn = db.dsn();
    const connection on{config, std::make_shared<watchdog>()};
    CHECK(understand(pqxx::sql_error{"insufficient data left in message"}, on).kind == failure_kind::lost);
    CHECK(understand(pqxx::sql_error{"no such table", "", "42P01"}, on).kind == failure_kind::refused);
    CHECK(understand(pqxx::unique_violation{"twice"}, on).sqlstate == "23505");
    CHECK(understand(pqxx::feature_not_supported{"not yet"}, on).kind == failure_kind::refused);
}

TEST_CASE_FIXTURE(given_a_link, "an append whose link breaks while its backend lives on is written exactly once")
{
    log.find_tenant(acme.id);
    auto stopped = std::make_unique<lane_stopped>(db);
    stream task = acme.fresh_stream();
    auto answer = std::async(std::launch::async, [&] { return log.append(round_of({command{acme}.write(task)})); });
    kit::await("the append waits for its lane", [&] { return somebody_waits(db); });

    link.half_open();
    kit::await("it waits again, on another connection", [&] {
        return db.run("select count(*) from pg_locks where locktype = 'advisory' and not granted") == "2";
    });
    stopped.reset();

    CHECK(kinds_of(answer.get()) == kinds{appended});
    CHECK(kit::eventually([&] {
        return db.run("select count(*) from pg_stat_activity where datname = current_database() and state = 'active'"
                      " and pid <> pg_backend_pid()") == "0";
    }));
    CHECK(tasks() == 1);
    CHECK(db.run("select count(*) from es.round where is_void") == "1");
}

TEST_CASE_FIXTURE(given_a_link, "a backend that is killed in mid-append costs nothing but a repeat")
{
    log.find_tenant(acme.id);
    auto stopped = std::make_unique<lane_stopped>(db);
    stream task = acme.fresh_stream();
    auto answer = std::async(std::launch::async, [&] { return log.append(round_of({command{acme}.write(task)})); });
    kit::await("the append waits for its lane", [&] { return somebody_waits(db); });

    db.run("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and not granted");
    kit::await("it waits again", [&] { return somebody_waits(db); });
    stopped.reset();

    CHECK(kinds_of(answer.get()) == kinds{appended});
    CHECK(tasks() == 1);
}

TEST_CASE_FIXTURE(given_a_link, "backends killed all the time lose no acknowledged event and double none")
{
    std::atomic<bool> done = false;
    std::atomic<int> kills = 0, acknowledged = 0;
    std::thread killer{[&] {
        pqxx::connection admin{db.dsn("postgres")};
        for (int next = 3; !done; next = acknowledged + 3)
        {
            kit::eventually([&] { return done || acknowledged >= next; });
            pqxx::nontransaction work{admin};
            kills += static_cast<int>(work.exec("select pg_terminate_backend(pid) from pg_stat_activity"
                                                " where datname = current_database() and usename = 'clientflow_app'")
                                          .size());
        }
    }};
    stream task = acme.fresh_stream();
    int unknown = 0;
    for (int i = 0; i < 300 || kills < 8; ++i)
    {
        const stream before = task;
        try
        {
            const auto verdicts = log.append(round_of({command{acme}.write(task)}));
            acknowledged += verdicts[0].kind == appended ? 1 : 0;
        }
        catch (const unreachable&)
        {
            task = before;  // nothing was written, and the next one proves it
        }
        catch (const outcome_unknown&)
        {
            ++unknown;
            break;
        }
    }
    done = true;
    killer.join();
    CHECK(unknown == 0);
    CHECK(acknowledged > 0);
    CHECK(tasks() == acknowledged);
    CHECK(db.run("select count(*) = max(seq) from es.event where lane = 3") == "t");
}

TEST_CASE("a server that stands still ends in an unknown outcome in time, and the same round then tells the truth")
{
    kit::cluster own;
    kit::database db{own};
    store_config config = at(db.dsn());
    config.append_deadline = std::chrono::milliseconds{1500};
    config.guard = std::make_shared<watchdog>();
    store log{config};
    tenant acme = new_born(log);
    stream task = acme.fresh_stream();
    const round once = round_of({command{acme}.write(task)});

    own.sigstop();
    CHECK_THROWS_AS(log.append(once), outcome_unknown);
    CHECK(config.guard->fired() > 0);
    CHECK_THROWS_AS(log.find_tenant(acme.id), unreachable);
    own.sigcont();

    config.append_deadline = std::chrono::seconds{10};
    store healed{config};
    CHECK(kinds_of(healed.append(once)) == kinds{appended});
    CHECK(kinds_of(healed.append(once)) == kinds{appended});
    CHECK(db.run("select count(*) from es.event where category = 'task'") == "1");
    CHECK(log.find_tenant(acme.id).has_value());
}

TEST_CASE("a crashed server is unreachable; everything acknowledged is there when it is back, and the store heals")
{
    kit::cluster own;
    kit::database db{own};
    store log{at(db.dsn())};
    tenant acme = new_born(log);
    stream task = acme.fresh_stream();
    log.append(round_of({command{acme}.write(task)}));

    own.stop_immediate();
    stream lost = acme.fresh_stream();
    const round while_down = round_of({command{acme}.write(lost)});
    store_config brief = at(db.dsn());
    brief.append_deadline = std::chrono::milliseconds{500};
    store other{brief};
    CHECK_THROWS_AS(other.append(while_down), unreachable);
    CHECK_THROWS_AS(log.find_tenant(acme.id), unreachable);
    own.start();

    CHECK(kinds_of(log.append(round_of({command{acme}.write(task)}))) == kinds{appended});
    CHECK(db.run("select count(*) from es.event where category = 'task'") == "2");
}

TEST_CASE_FIXTURE(given_a_link, "a lane that stays stopped is reported, and nothing was written")
{
    store_config config = at(db.dsn());
    config.lock_timeout = std::chrono::milliseconds{100};
    store hasty{config};
    auto stopped = std::make_unique<lane_stopped>(db);
    stream task = acme.fresh_stream();
    const stream before = task;
    CHECK_THROWS_AS(hasty.append(round_of({command{acme}.write(task)})), unreachable);
    stopped.reset();
    task = before;
    CHECK(kinds_of(hasty.append(round_of({command{acme}.write(task)}))) == kinds{appended});
}

TEST_CASE_FIXTURE(given_a_link, "a round that was declared void never commits under its id")
{
    stream task = acme.fresh_stream();
    const round voided = round_of({command{acme}.write(task)});
    CHECK(db.run("select is_void from es.settle('" + voided.id.text() + "')") == "t");

    CHECK(kinds_of(direct.append(voided)) == kinds{appended});  // under a fresh id of its own
    CHECK(db.run("select count(*) from es.round where is_void") == "1");
    CHECK(db.run("select is_void from es.settle('" + voided.id.text() + "')") == "t");  // and stays so
    CHECK(tasks() == 1);
}

TEST_CASE_FIXTURE(given_a_link, "a round id that is older than rounds are kept is refused")
{
    stream task = acme.fresh_stream();
    round old = round_of({command{acme}.write(task)});
    old.id = uuid::v7(1'600'000'000'000, {1, 2, 3});
    CHECK_THROWS_AS(direct.append(old), unreachable);
    CHECK(tasks() == 0);
}

TEST_CASE_FIXTURE(given_a_link, "what is past its time is pruned, and nothing else")
{
    stream task = acme.fresh_stream();
    for (int i = 0; i < 3; ++i)
        direct.append(round_of({command{acme}.write(task).remember("k" + std::to_string(i)).count("tasks", 1)}));
    db.run("insert into es.round (id, is_void, lanes, heads, recorded_at)"
           " values ('01600000-0000-7000-8000-000000000000', true, '{}', '{}', now())");
    db.run("update es.receipt set recorded_at = now() - interval '25 hours' where key in ('k0', 'k1')");
    db.run("update es.receipt set kept_as = 2 where key = 'k1'");
    const auto rounds = std::stoi(db.run("select count(*) from es.round"));

    pqxx::connection app{db.dsn()};
    {
        pqxx::nontransaction work{app};
        CHECK(work.exec1("select es.prune(0, '24 hours', null)")[0].as<int>() == 0);
        CHECK_THROWS_AS(work.exec("select es.prune(0, '23 hours', null)"), pqxx::sql_error);
    }

    CHECK(std::stoi(db.run("select count(*) from es.round")) == rounds - 1);
    CHECK(db.run("select string_agg(key, ',' order by key) from es.receipt") == "k1,k2");
    CHECK(db.run("select count(*) from es.quota") == "1");
    CHECK(direct.quotas(acme.id).at(0).second == 3);
    CHECK(kinds_of(direct.append(round_of({command{acme}.write(task).count("tasks", 1)}))) == kinds{appended});
    CHECK(direct.quotas(acme.id).at(0).second == 4);
}
