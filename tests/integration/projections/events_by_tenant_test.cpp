// A tenant's events by the rows of who did what: all of them as far as the rows can be believed, and nothing is said
// where they cannot.
#include "projections/audit_log.hpp"
#include "projections/events_by_tenant.hpp"
#include "projections/runner/versions.hpp"
#include "tests/kit/projections/swap.hpp"
#include "tests/kit/projections/world.hpp"

#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

using namespace projection_tests;
using projection::past_ask;

namespace
{
using numbers = std::vector<std::int64_t>;

const std::array<const projection::definition*, 1> audit{&audit_log::read_model()};

struct given_a_history
{
    given_a_history()
    {
        tenants = random_history(in, 71, {6, 900});
        of = tenants.front();
        it = std::make_unique<running>(in, in.room.path() / "cache");
        it->catch_up();
        lane = std::stoi(in.db.run("select lane from es.tenant where tenant_id = '" + of.text() + "'"));
        incarnation = in.db.run("select incarnation from read.checkpoint where projection = 'audit_log' limit 1");
    }

    std::int64_t head() { return in.heads()[static_cast<std::size_t>(lane)].seq; }
    past_ask ask(std::int64_t after = 0) { return {of, {lane, after}, head(), incarnation, 50, 1'000'000}; }
    projection::past_page read(const past_ask& what) { return projection::read_past(reader, what); }
    bool knows_something() { return read(ask()).up_to > 0; }

    // Everything that is known, page by page.
    numbers known(past_ask what)
    {
        numbers made;
        for (std::int64_t before = -1; what.after.seq > before;)
        {
            before = what.after.seq;
            const auto page = read(what);
            REQUIRE(page.events.size() <= what.events_max);
            for (const auto& each : page.events)
                made.push_back(each.at.seq);
            what.after.seq = page.up_to;
        }
        end = what.after.seq;
        return made;
    }
    numbers of_log(std::int64_t up_to)
    {
        numbers made;
        for (std::int64_t at = 0;;)
        {
            const auto next = in.db.run("select seq from es.event where lane = " + std::to_string(lane) +
                                        " and seq > " + std::to_string(at) + " and seq <= " + std::to_string(up_to) +
                                        " and tenant_id = '" + of.text() + "' order by seq limit 1");
            if (next.empty())
                return made;
            made.push_back(at = std::stoll(next));
        }
    }
    std::string some_row()
    {
        return " where tenant_id = '" + of.text() + "' and seq = " + std::to_string(of_log(head())[3]);
    }

    world in;
    std::vector<uuid> tenants;
    uuid of;
    std::unique_ptr<running> it;
    std::int32_t lane = 0;
    std::string incarnation;
    projection::reader reader{in.reading()};
    std::int64_t end = 0;  // of what was known
};
}  // namespace

TEST_CASE_FIXTURE(given_a_history,
                  "a tenant's events come whole, in order and as they are stored, whatever bounds a page")
{
    const auto all = of_log(head());
    REQUIRE(all.size() > 100);
    for (const std::size_t events : {1, 3, 50, 100'000})
        for (const std::size_t bytes : {1, 2'000, 1'000'000})
        {
            auto what = ask();
            what.events_max = events;
            what.bytes_max = bytes;
            CHECK(known(what) == all);
            CHECK(end == head());
        }
    auto part = ask(all[10]);
    part.up_to = all[20] - 1;
    CHECK(known(part) == numbers(all.begin() + 11, all.begin() + 20));
    CHECK(end == part.up_to);

    const auto first = read(ask()).events.front();
    const auto stored = in.feed()->read({{{lane, first.at.seq - 1}}}).front();
    CHECK(first.event_id == stored.event_id);
    CHECK(first.stream == stored.stream);
    CHECK(first.version == stored.version);
    CHECK(first.type == stored.type);
    CHECK(first.schema_version == stored.schema_version);
    CHECK(first.recorded_at == stored.recorded_at);
    CHECK(first.data == stored.data);
    CHECK(first.meta == stored.meta);
}

TEST_CASE_FIXTURE(given_a_history, "what the runner has not come to is not known, also where rows stand already")
{
    it->stop();
    const auto shown = head();
    random_history(in, 72, {6, 100});
    const auto more = fresh_id();
    in.append_raw(of, "task", more, "task.unheard_of", 1, fresh_id(), "{}");
    in.flush();
    CHECK(known(ask()) == of_log(shown));
    CHECK(end == shown);
    CHECK(read(ask(shown)).up_to == shown);

    // A position that was set back, as it stands while a lane is made anew.
    in.db.run("update read.checkpoint set seq = 5 where projection = 'audit_log'");
    CHECK(known(ask()) == of_log(5));
    in.db.run("delete from read.checkpoint where projection = 'audit_log'");
    CHECK_FALSE(knows_something());
}

TEST_CASE_FIXTURE(given_a_history, "rows of another history, of a stopped key or beside another event are not believed")
{
    it->stop();
    REQUIRE(knows_something());
    auto other = ask();
    other.incarnation = "9.9";
    CHECK(read(other).up_to == 0);

    const std::string parked = "insert into read.parked (projection, version, lane, tenant_id, key, from_seq, cause)"
                               " values ('audit_log', 1, " +
                               std::to_string(lane) + ", '" + of.text() + "', '" + fresh_id().text() +
                               "', 4, 'a test')";
    in.db.run("delete from read.audit_log" + some_row());
    in.db.run(parked);
    CHECK_FALSE(knows_something());
    in.db.run("update read.parked set discarded_at = now(), reason = 'a test'");
    CHECK_FALSE(knows_something());
    in.db.run("delete from read.parked");
    CHECK(knows_something());
}

TEST_CASE_FIXTURE(given_a_history, "a row that does not name the event at its place makes nothing known")
{
    it->stop();
    in.db.run("update read.audit_log set event_id = '" + fresh_id().text() + "'" + some_row());
    CHECK_FALSE(knows_something());
    auto later = ask(of_log(head())[3]);
    CHECK(read(later).up_to > later.after.seq);
}

TEST_CASE_FIXTURE(given_a_history, "a key of another read model that is stopped hides no event")
{
    const auto poisoned = fresh_id();
    in.append_raw(of, "task", poisoned, "task.created", 1, fresh_id(), "[]");
    in.append_raw(of, "task", poisoned, "task.completed", 1, fresh_id(), "{}");
    in.flush();
    it->catch_up();
    CHECK(in.db.run("select string_agg(projection, ' ') from read.parked") == "task");
    CHECK(known(ask()) == of_log(head()));
    CHECK(end == head());
}

TEST_CASE_FIXTURE(given_a_history, "the rows of a version to come are read once it is live, and of none that is gone")
{
    in.rebuild(audit);
    it->catch_up();
    projection::version_store versions{in.rows()};
    versions.open();
    CHECK(swap(versions, "audit_log", 2) == 1);
    CHECK(known(ask()) == of_log(head()));
    // Whoever would still look at the version before finds nothing there.
    versions.retire(audit_log::read_model(), 1, "a test");
    in.db.run("delete from read.audit_log");
    CHECK(known(ask()) == of_log(head()));
    random_history(in, 73, {6, 50});
    it->catch_up();
    CHECK(known(ask()) == of_log(head()));
    CHECK(end == head());
}

TEST_CASE_FIXTURE(given_a_history, "another tenant's rows are out of sight, whatever is asked")
{
    auto what = ask();
    what.tenant = fresh_id();
    const auto page = read(what);
    CHECK(page.events.empty());
    CHECK(page.up_to == head());
}

TEST_CASE_FIXTURE(given_a_history, "a page goes along the key of the tenant's rows and by the key of the log")
{
    in.db.run("analyze read.audit_log");
    in.db.run("analyze es.event");
    auto asked = projection::past_statement(ask());
    const auto put = [&](const std::string& name, const std::string& value) {
        for (auto at = asked.body.find(name); at != std::string::npos; at = asked.body.find(name))
            asked.body.replace(at, name.size(), value);
    };
    put("{audit_log.version}", "1");
    put("{audit_log}", "read.audit_log");
    put("$2", "''::text");
    for (std::size_t i = 0; i < asked.arguments.size(); ++i)
        put("($1)[" + std::to_string(i + 1) + "]", "'" + asked.arguments[i] + "'");
    const auto plan = in.db.run("create function pg_temp.plan() returns text language plpgsql as $f$ declare l text;"
                                " t text := ''; begin for l in execute $q$explain " +
                                asked.body +
                                "$q$ loop t := t || l || chr(10); end loop; return t; end $f$;"
                                " select pg_temp.plan()");
    CHECK_MESSAGE(plan.find("audit_log_pkey") != std::string::npos, plan);
    CHECK_MESSAGE(plan.find("event_pk") != std::string::npos, plan);
    CHECK_MESSAGE(plan.find("Seq Scan on audit_log") == std::string::npos, plan);
    CHECK_MESSAGE(plan.find("Seq Scan on event") == std::string::npos, plan);
}
