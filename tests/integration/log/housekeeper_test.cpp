// What has done its service is removed beside running appends, and nothing else is.
#include "events/log/housekeeper.hpp"
#include "events/log/watchdog.hpp"
#include "tests/kit/log/rounds.hpp"
#include "tests/kit/eventually.hpp"

#include <doctest/doctest.h>
#include <pqxx/pqxx>

#include <atomic>

using namespace log_tests;
using enum verdict_kind;
using kinds = std::vector<verdict_kind>;

namespace
{
housekeeper_config hasty()
{
    housekeeper_config made;
    made.first_after = made.every = made.step_apart = made.again_after = std::chrono::milliseconds{1};
    made.step_deadline = std::chrono::seconds{30};
    return made;
}

struct given_a_log
{
    kit::database db;
    store log{at(db.dsn())};
    tenant acme = new_born(log);
    std::atomic<int> failures{0};

    std::unique_ptr<housekeeper> keep(const housekeeper_config& config = hasty())
    {
        connection_config server;
        server.dsn = db.dsn();
        return std::make_unique<housekeeper>(config, server, std::make_shared<watchdog>(),
                                             [this](const std::string&) { ++failures; });
    }

    int count(const std::string& of) const { return std::stoi(db.run("select count(*) from " + of)); }
};

// Two whole sweeps: the second began after all that was there before.
void await_a_sweep(const housekeeper& of)
{
    const auto before = of.sweeps();
    kit::await("a whole sweep", [&] { return of.sweeps() >= before + 2; }, kit::milliseconds{60'000});
}

// More than one step takes, of each kind.
constexpr const char* many_old_ones =
    "insert into es.receipt select tenant_id, 'old' || n, 1, 200, 1, now() - interval '26 hours', tenant_id, null,"
    "  'task', 'api_key_test', repeat('x', 100)::bytea from es.tenant, generate_series(1, 30000) n where lane = 3;"
    "insert into es.round (id, is_void, lanes, heads, recorded_at)"
    "  select ('0160' || lpad(to_hex(n), 4, '0') || '-0000-7000-8000-000000000000')::uuid, false, '{3}', '{0}',"
    "         now() - interval '9 hours' from generate_series(1, 12000) n;"
    "insert into es.quota select tenant_id, m, n, n from es.tenant, unnest(array['seats', 'rooms']) m,"
    "  generate_series(1, 50000) n where lane = 3";
}  // namespace

TEST_CASE_FIXTURE(given_a_log, "old receipts, rounds past their ids and superseded totals go; what is fresh stays")
{
    stream task = acme.fresh_stream();
    for (int i = 0; i < 3; ++i)
        log.append(round_of({command{acme}.write(task).remember("k" + std::to_string(i)).count("tasks", 1)}));
    db.run("update es.receipt set recorded_at = now() - interval '24 hours 30 minutes' where key = 'k0'");
    db.run("update es.receipt set recorded_at = now() - interval '26 hours' where key = 'k1'");
    db.run("update es.receipt set recorded_at = now() - interval '400 days', kept_as = 2 where key = 'k2'");
    const int rounds = count("es.round");
    db.run(many_old_ones);
    REQUIRE(count("pg_class where oid = 'es.receipt'::regclass and pg_relation_size(oid) > 128 * 8192") == 1);

    await_a_sweep(*keep());

    CHECK(db.run("select string_agg(key, ',' order by key) from es.receipt") == "k0,k2");
    CHECK(count("es.round") == rounds);
    CHECK(db.run("select string_agg(metric || ' ' || total, ', ' order by metric) from es.quota") ==
          "rooms 50000, seats 50000, tasks 3");
    CHECK(failures == 0);
    CHECK(kinds_of(log.append(round_of({command{acme}.write(task).count("tasks", 1)}))) == kinds{appended});
    CHECK(log.quotas(acme.id).back().second == 4);
}

TEST_CASE_FIXTURE(given_a_log, "a sweep takes no lane: it is through while every lane is stopped")
{
    db.run(many_old_ones);
    pqxx::connection admin{db.dsn("postgres")};
    pqxx::work hold{admin};
    hold.exec("select pg_advisory_xact_lock(7105, lane) from es.lane");

    await_a_sweep(*keep());

    CHECK(count("es.receipt where key like 'old%'") == 0);
    CHECK(failures == 0);
}

TEST_CASE_FIXTURE(given_a_log, "an append waits for no sweep, however long its step stays uncommitted")
{
    stream task = acme.fresh_stream();
    log.append(round_of({command{acme}.write(task).remember("first").count("tasks", 1)}));
    log.append(round_of({command{acme}.write(task).remember("second").count("tasks", 1)}));
    db.run("update es.receipt set recorded_at = now() - interval '26 hours' where key = 'first'");
    pqxx::connection app{db.dsn()};
    pqxx::work step{app};
    step.exec("select es.prune(0, '25 hours', null)");
    store_config patient_once = at(db.dsn());
    patient_once.lock_timeout = std::chrono::milliseconds{500};
    store other{patient_once};

    CHECK(kinds_of(other.append(round_of({command{acme}.write(task).remember("third").count("tasks", 1)}))) ==
          kinds{appended});

    step.commit();
    CHECK(log.quotas(acme.id).at(0).second == 3);
    CHECK(db.run("select string_agg(key, ',' order by key) from es.receipt") == "second,third");
}

TEST_CASE("a server that is away is reported, and swept once it is back")
{
    kit::cluster own;
    kit::database db{own};
    std::atomic<int> failures{0};
    connection_config server;
    server.dsn = db.dsn();
    const housekeeper keeper{hasty(), server, std::make_shared<watchdog>(), [&](const std::string& why) {
                                 failures += why.empty() ? 0 : 1;
                             }};
    await_a_sweep(keeper);
    REQUIRE(failures == 0);

    own.stop_immediate();
    kit::await("the failure is told", [&] { return failures > 0; });
    own.start();
    db.run("insert into es.receipt values (gen_random_uuid(), 'old', 1, 200, 1, now() - interval '26 hours',"
           " gen_random_uuid(), null, 'task', 'api_key_test', 'x')");

    CHECK(kit::eventually([&] { return db.run("select count(*) from es.receipt") == "0"; }));
}
