// The runner over a real log and a real PostgreSQL: what it shows is what the log says, whatever happens to it.
#include "events/client.hpp"
#include "events/project.hpp"
#include "events/task.hpp"
#include "tests/kit/projections/world.hpp"

#include <doctest/doctest.h>
#include <pqxx/pqxx>

#include <algorithm>
#include <fstream>

using namespace projection_tests;

namespace
{
std::string first_difference(const projection::verified& found)
{
    if (found.differences.empty())
        return "";
    const auto& each = found.differences.front();
    return each.projection + " " + each.key + " kind " + std::to_string(static_cast<int>(each.what));
}

void check_equal(const projection::verified& found)
{
    INFO("first difference: " << first_difference(found));
    CHECK(found.different == 0);
}

std::uint64_t drops(const running& of) { return of.runner.take().cache_drops; }

project::created new_project(const std::string& name)
{
    project::created fact;
    fact.id = {fresh_id()};
    fact.name = name;
    return fact;
}
}  // namespace

TEST_CASE(
    "the rows equal a rebuild from zero byte for byte, after random histories, appended before and during the run")
{
    for (const std::uint32_t seed : {1U, 2U, 20261121U})
    {
        CAPTURE(seed);
        world in;
        random_history(in, seed);
        running it{in, in.room.path() / "cache"};
        it.catch_up();
        random_history(in, seed + 100);
        it.catch_up();
        const auto found = in.verified();
        check_equal(found);
        CHECK(found.rows > 100);
        CHECK(found.totals > 50);
        CHECK(in.db.run("select count(*) from read.parked") == "0");
    }
}

TEST_CASE("a runner that is started again goes on where it stood, and its cache is believed")
{
    world in;
    const auto cache = in.room.path() / "cache";
    random_history(in, 3);
    {
        running it{in, cache};
        it.catch_up();
    }
    random_history(in, 4);
    running it{in, cache};
    it.catch_up();
    CHECK(drops(it) == 0);
    CHECK(it.runner.take().rows_loaded == 0);
    check_equal(in.verified());
}

TEST_CASE("a cache that was deleted, or is damaged, is filled again and never trusted")
{
    world in;
    const auto cache = in.room.path() / "cache";
    random_history(in, 5);
    {
        running it{in, cache};
        it.catch_up();
    }
    const auto rows = cache / "0" / "rows";
    REQUIRE(std::filesystem::exists(rows));

    SUBCASE("deleted") { std::filesystem::remove_all(rows); }
    SUBCASE("every file cut in half")
    {
        for (const auto& file : std::filesystem::directory_iterator{rows})
            std::filesystem::resize_file(file.path(), file.file_size() / 2);
    }
    SUBCASE("every file overwritten with nonsense")
    {
        for (const auto& file : std::filesystem::directory_iterator{rows})
        {
            const auto size = file.file_size();
            std::ofstream{file.path(), std::ios::binary | std::ios::trunc} << std::string(size, 'x');
        }
    }
    random_history(in, 6);
    running it{in, cache};
    it.catch_up();
    check_equal(in.verified());

    // It fills while nothing else is to be done, and is complete again.
    kit::await("the cache is complete", [&] {
        for (const auto& lag : it.runner.take().lags)
            if (!lag.is_complete)
                return false;
        return true;
    });
    const auto loaded = it.runner.take().rows_loaded;
    random_history(in, 7);
    it.catch_up();
    CHECK(it.runner.take().rows_loaded == loaded);
    check_equal(in.verified());
}

TEST_CASE("a runner whose cache cannot be opened works without one and says so")
{
    world in;
    random_history(in, 23, {2, 200});
    const auto cache = in.room.path() / "cache";
    std::ofstream{cache} << "a file where the directory should be";
    running it{in, cache};
    it.catch_up();
    check_equal(in.verified());
    CHECK_FALSE(it.runner.take().has_cache);
    CHECK_FALSE(it.runner.cache_directory().has_value());
    REQUIRE(it.reports().size() == 1);
    CHECK(it.reports()[0].what == projection::report::kind::cache_lost);
}

TEST_CASE("a cache whose position is not the checkpoint's is dropped: rows of another history are not folded on")
{
    world in;
    const auto cache = in.room.path() / "cache";
    const auto kept = in.room.path() / "kept";
    random_history(in, 8);
    {
        running it{in, cache};
        it.catch_up();
    }
    std::filesystem::copy(cache, kept, std::filesystem::copy_options::recursive);
    random_history(in, 9);
    {
        running it{in, cache};
        it.catch_up();
    }

    SUBCASE("an older copy of it")
    {
        std::filesystem::remove_all(cache);
        std::filesystem::rename(kept, cache);
    }
    SUBCASE("the same position with another generation")
    {
        in.db.run("update read.checkpoint set generation = generation + 1");
    }
    random_history(in, 10);
    running it{in, cache};
    it.catch_up();
    CHECK(drops(it) > 0);
    check_equal(in.verified());
}

TEST_CASE("a new incarnation with the same log keeps the rows and drops the cache")
{
    world in;
    const auto cache = in.room.path() / "cache";
    random_history(in, 11);
    {
        running it{in, cache};
        it.catch_up();
    }
    in.db.run("insert into es.incarnation (number, reason) values (2, 'a test')");
    running it{in, cache};
    it.catch_up();
    CHECK(kit::eventually([&] { return drops(it) > 0; }));  // nothing new to catch up with tells when it has opened
    CHECK(
        in.db.run("select count(*) from read.checkpoint c where incarnation not like '%.2' and step = (select max(step)"
                  " from read.checkpoint n where n.projection = c.projection and n.lane = c.lane)") == "0");
    check_equal(in.verified());
}

TEST_CASE("rows whose position belongs to other events are thrown away and folded again")
{
    world in;
    const auto cache = in.room.path() / "cache";
    const auto tenants = random_history(in, 12);
    {
        running it{in, cache};
        it.catch_up();
    }
    // As after a restore: the checkpoint names an event that this log does not have.
    in.db.run("update read.checkpoint set event_id = gen_random_uuid() where lane = 1");
    in.db.run("update read.task set title = 'of another history'");
    in.db.run("update read.task set title = 'of another history' where tenant_id = '" + tenants[1].text() + "'");

    running it{in, cache};
    it.catch_up();
    CHECK(in.db.run("select count(*) from read.task where title = 'of another history' and tenant_id = '" +
                    tenants[1].text() + "'") == "0");
    bool was_told = false;
    for (const auto& each : it.reports())
        was_told = was_told || each.what == projection::report::kind::lane_rebuilt;
    CHECK(was_told);
}

TEST_CASE("two runners at once apply nothing twice and miss nothing")
{
    world in;
    random_history(in, 13);
    running one{in, in.room.path() / "cache"};
    running two{in, in.room.path() / "cache"};
    CHECK(one.runner.cache_directory() != two.runner.cache_directory());
    for (std::uint32_t seed = 14; seed < 18; ++seed)
    {
        random_history(in, seed, {4, 200});
        one.runner.wake();
        two.runner.wake();
    }
    one.catch_up();
    two.catch_up();
    check_equal(in.verified());
    CHECK(in.db.run("select count(*) from (select projection, lane, max(step) - count(*) from read.checkpoint"
                    " group by 1, 2 having count(*) > 32) as unpruned") == "0");
}

TEST_CASE("when one of two runners is gone, the other takes its lanes")
{
    world in;
    random_history(in, 18);
    auto one = std::make_unique<running>(in, in.room.path() / "cache");
    running two{in, in.room.path() / "cache"};
    one->catch_up();
    two.catch_up();
    one.reset();
    random_history(in, 19);
    two.catch_up();
    check_equal(in.verified());
}

TEST_CASE("an event that cannot be folded stops its own key and nothing else, also after a restart")
{
    world in;
    const uuid tenant = in.tenant(1), other = in.tenant(1);
    const auto good = new_project("good"), poisoned = new_project("poisoned");
    in.append(tenant, "project", good.id.value, good);
    in.append(tenant, "project", poisoned.id.value, poisoned);
    in.append_raw(tenant, "project", poisoned.id.value, "project.activated", 1, fresh_id(), R"({"id": 5})");
    in.append(tenant, "project", good.id.value, project::archived{good.id});
    in.append(tenant, "project", poisoned.id.value, project::archived{poisoned.id});
    in.append(other, "project", poisoned.id.value, poisoned);  // the same id elsewhere is another key
    in.flush();

    const auto cache = in.room.path() / "cache";
    {
        running it{in, cache};
        it.catch_up();
        CHECK(it.reports().size() == 1);
        CHECK(it.reports()[0].what == projection::report::kind::parked);
        std::size_t parked = 0;
        for (const auto& lag : it.runner.take().lags)
            parked += lag.parked;
        CHECK(parked == 1);
    }
    const auto row = [&](const uuid& of, const uuid& id, const std::string& what) {
        return in.db.run("select " + what + " from read.project where tenant_id = '" + of.text() + "' and id = '" +
                         id.text() + "'");
    };
    CHECK(row(tenant, good.id.value, "archived_at is not null") == "t");
    CHECK(row(tenant, poisoned.id.value, "archived_at is null and status = 'planned' and version = 1") == "t");
    CHECK(row(other, poisoned.id.value, "count(*)") == "1");
    CHECK(in.db.run("select projection || lane || key from read.parked") == "project1" + poisoned.id.value.text());
    CHECK(in.db.run("select from_seq = (select seq from es.event where type = 'project.activated') from read.parked") ==
          "t");

    in.append(tenant, "project", poisoned.id.value, project::restored{poisoned.id});
    in.append(tenant, "project", good.id.value, project::restored{good.id});
    in.flush();
    running again{in, cache};
    again.catch_up();
    CHECK(row(tenant, good.id.value, "archived_at is null") == "t");
    CHECK(row(tenant, poisoned.id.value, "version") == "1");
    CHECK(in.db.run("select count(*) from read.parked") == "1");
    check_equal(in.verified());
}

TEST_CASE("an event that cannot be lifted, or is newer than this build, stops its own key and nothing else")
{
    world in;
    const uuid tenant = in.tenant(1);
    const auto good = new_project("good"), newer = new_project("newer");
    const uuid old_task = fresh_id();
    in.append(tenant, "project", newer.id.value, newer);
    in.append_raw(tenant, "project", newer.id.value, "project.activated", 99, fresh_id(), "{}");
    in.append_raw(tenant, "task", old_task, "task.created", 1, fresh_id(), "[1]");
    in.append(tenant, "project", good.id.value, good);
    in.flush();

    running it{in, in.room.path() / "cache"};
    it.catch_up();

    CHECK(in.db.run("select string_agg(key::text, ',' order by key) from read.parked"
                    " where projection in ('project', 'task')") ==
          std::min(newer.id.value.text() + "," + old_task.text(), old_task.text() + "," + newer.id.value.text()));
    CHECK(in.db.run("select count(*) from read.project where id = '" + good.id.value.text() + "'") == "1");
    it.stop();
    check_equal(in.verified());
}

TEST_CASE("a subject whose key is damaged, and a tenant whose key is, stop the rows that need them and no others")
{
    world in;
    const uuid tenant = in.tenant(1), broken = in.tenant(1);
    const auto new_client = [](const std::string& name) {
        client::created fact;
        fact.id = {fresh_id()};
        fact.name = name;
        fact.email = schema::personal<std::string>{name + "@example.com"};
        return fact;
    };
    const auto good = new_client("good"), damaged = new_client("damaged"), lost = new_client("lost");
    in.append(tenant, "client", damaged.id.value, damaged);
    in.append(broken, "client", lost.id.value, lost);
    in.append(tenant, "client", good.id.value, good);
    in.flush();
    const auto damage = [&](const std::string& table, const std::string& column, const std::string& where) {
        in.db.run("set session_replication_role = replica; update " + table + " set " + column + " = set_byte(" +
                  column + ", 20, get_byte(" + column + ", 20) # 1) where " + where);
    };
    damage("es.subject_key", "wrapped", "subject_id = '" + damaged.id.value.text() + "'");
    damage("es.tenant", "wrapped_key", "tenant_id = '" + broken.text() + "'");
    const event_log::keyring_config again{in.room.path() / "master.key"};
    in.keys = std::make_unique<event_log::keyring>(again);  // of a process that has learned nothing yet

    running it{in, in.room.path() / "cache"};
    it.catch_up();

    CHECK(in.db.run("select count(*) from read.client") == "1");
    CHECK(in.db.run("select email from read.client where id = '" + good.id.value.text() + "'") == "good@example.com");
    CHECK(in.db.run("select count(*) from read.parked where key in ('" + damaged.id.value.text() + "', '" +
                    lost.id.value.text() + "')") == "2");
}

TEST_CASE("a row that the database refuses stops its own key; its neighbours go on, and the comparison agrees")
{
    world in;
    const auto tenants = random_history(in, 22, {2, 120});
    const std::string secret = "refused on purpose";
    in.db.run("alter table read.client add constraint test_refuses check (name <> '" + secret + "')");
    client::created bad, good;
    bad.id = {fresh_id()};
    good.id = {fresh_id()};
    bad.name = good.name = "Ann";
    client::changed worse;
    worse.id = bad.id;
    worse.name = event_log::change<std::string>{"Ann", secret};

    const auto cache = in.room.path() / "cache";
    {
        running it{in, cache};
        it.catch_up();
        in.append(tenants[0], "client", bad.id.value, bad);
        in.append(tenants[0], "client", good.id.value, good);
        in.append(tenants[1], "client", bad.id.value, bad);
        in.flush();
        it.catch_up();
        for (int i = 0; i < 40; ++i)
        {
            auto another = good;
            another.id = {fresh_id()};
            in.append(tenants[0], "client", another.id.value, another);
        }
        in.append(tenants[0], "client", bad.id.value, worse);
        in.append(tenants[0], "client", good.id.value, client::archived{good.id});
        in.append(tenants[1], "client", bad.id.value, client::archived{bad.id});
        in.flush();
        it.catch_up();
        REQUIRE(it.reports().size() == 1);
        CHECK(it.reports()[0].what == projection::report::kind::parked);
        CHECK(it.reports()[0].text.find("23514") != std::string::npos);
        CHECK(it.reports()[0].text.find(secret) == std::string::npos);
    }
    CHECK(in.db.run("select projection || key || (position('23514' in cause) > 0) from read.parked") ==
          "client" + bad.id.value.text() + "true");
    CHECK(in.db.run("select from_seq = (select max(seq) from es.event e where e.lane = k.lane and e.type = "
                    "'client.changed' and e.stream_id = k.key) from read.parked k") == "t");
    CHECK(in.db.run("select count(*) from read.client where archived_at is not null and id in ('" +
                    good.id.value.text() + "', '" + bad.id.value.text() + "')") == "2");
    check_equal(in.verified());

    in.append(tenants[0], "client", bad.id.value, client::archived{bad.id});
    in.flush();
    running again{in, cache};
    again.catch_up();
    CHECK(in.db.run("select version from read.client where tenant_id = '" + tenants[0].text() + "' and id = '" +
                    bad.id.value.text() + "'") == "1");
    check_equal(in.verified());
}

TEST_CASE("the comparison names what differs: rows altered, deleted and added, and totals")
{
    world in;
    const auto tenants = random_history(in, 21);
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    it.stop();
    REQUIRE(in.verified());

    in.db.run(
        "update read.task set title = title || ' altered' where id = (select min(id::text)::uuid from read.task)");
    in.db.run("delete from read.client where id = (select min(id::text)::uuid from read.client)");
    in.db.run(
        "insert into read.comment select tenant_id, gen_random_uuid(), version, created_at, updated_at, archived_at,"
        " task_id, body, mention_ids, author_id from read.comment limit 1");
    in.db.run("update read.sum set value = value + 1 where (tenant_id, counter, bucket) ="
              " (select tenant_id, counter, bucket from read.sum where counter = 'task.status' limit 1)");
    const auto found = in.verified();
    CHECK(found.different == 4);
    std::map<std::string, projection::difference::kind> by_projection;
    for (const auto& each : found.differences)
        by_projection[each.projection + (each.key.find('/') == std::string::npos ? "" : " total")] = each.what;
    CHECK(by_projection ==
          std::map<std::string, projection::difference::kind>{{"client", projection::difference::kind::missing},
                                                              {"comment", projection::difference::kind::unexpected},
                                                              {"task", projection::difference::kind::other},
                                                              {"task total", projection::difference::kind::other}});
}

TEST_CASE("the totals agree with a recount of the rows after random histories")
{
    for (const std::uint32_t seed : {31U, 32U, 33U})
    {
        CAPTURE(seed);
        world in;
        random_history(in, seed, {3, 700});
        running it{in, in.room.path() / "cache"};
        it.catch_up();
        const std::string newest = "(select distinct on (tenant_id, counter, bucket) * from read.sum"
                                   " order by tenant_id, counter, bucket, seq desc)";
        const auto differs = [&](const std::string& counter, const std::string& recount) {
            return in.db.run(
                "select count(*) from (select tenant_id, bucket, value from " + newest + " s where counter = '" +
                counter + "') s full join (" + recount +
                ") r (tenant_id, bucket, value) using (tenant_id, bucket) where s.value is distinct from r.value");
        };
        CHECK(differs("task.status",
                      "select tenant_id, status, count(*) from read.task where archived_at is null group by 1, 2") ==
              "0");
        CHECK(differs("task.done_by", "select tenant_id, a::text, count(*) from read.task, unnest(assignee_ids) a"
                                      " where archived_at is null and status = 'done' group by 1, 2") == "0");
        CHECK(differs("project.status",
                      "select tenant_id, status, count(*) from read.project where archived_at is null group by 1, 2") ==
              "0");
        CHECK(differs("client.open",
                      "select tenant_id, '', count(*) from read.client where archived_at is null group by 1") == "0");
        CHECK(differs("member.open",
                      "select tenant_id, '', count(*) from read.member where archived_at is null group by 1") == "0");
        CHECK(differs("comment.open",
                      "select tenant_id, '', count(*) from read.comment where archived_at is null group by 1") == "0");
        CHECK(
            in.db.run(
                "select count(*) from (select tenant_id, sum(value) v from " + newest +
                " s where counter = 'task.created' group by 1) s full join (select tenant_id, count(*) c from read.task"
                " group by 1) r using (tenant_id) where v is distinct from c") == "0");
        CHECK(in.db.run("select count(*) from read.sum where value = 0") == "0");
    }
}

TEST_CASE("old steps of a checkpoint are removed behind it, each looked at once")
{
    world in;
    const auto step = [&](int n) {
        return "select read.advance('{client}', '{1}', '{0}', '{" + std::to_string(n) + "}', '{" + std::to_string(n) +
               "}', '{0}', '{1.1}', array[gen_random_uuid()])";
    };
    std::string many;
    for (int n = 1; n <= 200; ++n)
        many += step(n) + "; ";
    in.db.run(many);
    CHECK(in.db.run("select min(step) || ' ' || max(step) || ' ' || count(*) from read.checkpoint") == "184 200 17");
}

TEST_CASE("an operator without superuser rights sees positions and stopped keys, and no rows")
{
    world in;
    random_history(in, 42, {2, 60});
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    it.stop();
    in.db.run("insert into read.parked select 'client', 2, 0, tenant_id, gen_random_uuid(), 1, 'a test' from es.tenant"
              " limit 1");
    event_log::connection as_operator{in.connection("clientflow_operator"), in.watchdog};
    pqxx::nontransaction work{as_operator.raw()};
    CHECK(work.exec("select count(*) from read.parked")[0][0].as<int>() == 1);
    CHECK(work.exec("select count(*) > 0 from read.checkpoint")[0][0].as<bool>());
    CHECK_THROWS_AS(work.exec("select count(*) from read.client"), pqxx::insufficient_privilege);
}

TEST_CASE("lag is shown per projection and lane, and is nothing once all is shown")
{
    world in;
    random_history(in, 41);
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    const bool none = kit::eventually([&] {
        const auto now = it.runner.take();
        bool all = now.lags.size() == std::size(lanes_used) * projection::read_models().size();
        for (const auto& lag : now.lags)
            all = all && lag.events() == 0 && lag.seconds == 0 && lag.seq > 0;
        return all;
    });
    CHECK(none);
}

TEST_CASE("a PostgreSQL that crashes and comes back is waited for; nothing is lost or applied twice")
{
    kit::cluster server{{.fsync = false, .settings = {}}};
    world in{server};
    random_history(in, 51);
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    server.stop_immediate();
    kit::await("the failure is told", [&] { return it.runner.take().failures > 0; });
    server.start();
    random_history(in, 52);
    it.catch_up();
    server.terminate_backends();
    random_history(in, 53);
    it.catch_up();
    check_equal(in.verified());
}
