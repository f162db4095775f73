// One row per event, of every tenant and every type, whatever happens to the runner; and a comparison that sees each
// row that is not as its event says.
#include "events/project.hpp"
#include "projections/audit_log.hpp"
#include "tests/kit/projections/world.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

using namespace projection_tests;

namespace
{
// Events without exactly one row that says the same, and rows without their event.
std::string strays(world& in)
{
    return in.db.run("select count(*) from es.event e full join read.audit_log a"
                     " on a.tenant_id = e.tenant_id and a.lane = e.lane and a.seq = e.seq and a.event_id = e.event_id"
                     " and a.entity = e.category and a.entity_id = e.stream_id and a.version = e.version"
                     " and a.action = e.type and a.recorded_at = e.recorded_at"
                     " where a.seq is null or e.seq is null");
}

project::created new_project(const std::string& name)
{
    project::created fact;
    fact.id = {fresh_id()};
    fact.name = name;
    return fact;
}
}  // namespace

TEST_CASE("every event has its row, also of stopped keys, of types that nobody knows, and of a noun to come")
{
    world in;
    random_history(in, 1);
    const uuid tenant = in.tenant(1);
    const auto poisoned = new_project("poisoned");
    const uuid of_tomorrow = fresh_id();
    in.append(tenant, "project", poisoned.id.value, poisoned);
    in.append_raw(tenant, "project", poisoned.id.value, "project.activated", 1, fresh_id(), R"({"id": 5})");
    in.append_raw(tenant, "project", poisoned.id.value, "project.exploded", 1, fresh_id(), "[]");
    in.append(tenant, "project", poisoned.id.value, project::archived{poisoned.id});
    in.append_raw(tenant, "tomorrow", of_tomorrow, "tomorrow.came", 7, fresh_id(), R"({"\u0000": "\u0000"})");
    in.flush();

    running it{in, in.room.path() / "cache"};
    it.catch_up();
    CHECK(in.db.run("select count(*) from read.parked") == "1");
    CHECK(strays(in) == "0");
    CHECK(in.db.run("select action || ' ' || entity || ' ' || version || ' ' || actor_type from read.audit_log"
                    " where entity_id = '" +
                    of_tomorrow.text() + "'") == "tomorrow.came tomorrow 1 system");
    CHECK(in.db.run("select count(*) from read.audit_log where tenant_id = '" + tenant.text() + "'") == "6");
    CHECK(in.verified());
}

TEST_CASE("a row is written once, whoever restarts, races or falls back")
{
    world in;
    const auto cache = in.room.path() / "cache";
    random_history(in, 2);
    {
        running it{in, cache};
        it.catch_up();
    }
    random_history(in, 3);
    auto one = std::make_unique<running>(in, cache);
    running two{in, cache};
    for (std::uint32_t seed = 4; seed < 7; ++seed)
        random_history(in, seed, {4, 200});
    one->catch_up();
    two.catch_up();
    one.reset();
    random_history(in, 7);
    two.catch_up();
    CHECK(strays(in) == "0");
    CHECK(in.verified());
}

TEST_CASE("rows of another history of the log are thrown away and written again")
{
    world in;
    const auto cache = in.room.path() / "cache";
    random_history(in, 8);
    {
        running it{in, cache};
        it.catch_up();
    }
    in.db.run("update read.checkpoint set event_id = gen_random_uuid() where lane = 1");
    in.db.run("update read.audit_log set action = 'of another history' where lane = 1");
    running it{in, cache};
    kit::await("the lane is folded again", [&] {
        return std::ranges::any_of(
            it.reports(), [](const auto& each) { return each.what == projection::report::kind::lane_rebuilt; });
    });
    it.catch_up();
    CHECK(strays(in) == "0");
}

TEST_CASE("nothing of the rows is kept in the cache, and none is read while folding")
{
    world in;
    random_history(in, 9);
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    CHECK(it.runner.take().rows_loaded == 0);
    std::size_t lanes = 0;
    for (const auto& lag : it.runner.take().lags)
        if (lag.projection == "audit_log")
        {
            ++lanes;
            CHECK(lag.is_complete);
        }
    CHECK(lanes == std::size(lanes_used));
}

TEST_CASE("the comparison names each row that is missing, other than its event, or of none")
{
    world in;
    const auto tenants = random_history(in, 10);
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    it.stop();
    REQUIRE(in.verified());

    const auto nth = [&](int n) {
        return "(tenant_id, seq) = (select tenant_id, seq from read.audit_log where tenant_id = '" +
               tenants[static_cast<std::size_t>(n)].text() + "' order by seq offset 3 limit 1)";
    };
    const std::string columns = "version, occurred_at, recorded_at, event_id, entity_id, lane, entity, action,"
                                " actor_type, actor_id, on_behalf_of, request_id";
    in.db.run("delete from read.audit_log where " + nth(0));
    in.db.run("update read.audit_log set actor_id = 'somebody else' where " + nth(1));
    // Far beyond the log, and an event that another tenant of the lane has.
    in.db.run("insert into read.audit_log (tenant_id, seq, " + columns + ") select tenant_id, 1000000, " + columns +
              " from read.audit_log where " + nth(2));
    const uuid neighbour = in.tenant(3);
    running again{in, in.room.path() / "cache"};
    again.catch_up();
    again.stop();
    in.db.run("insert into read.audit_log (tenant_id, seq, " + columns + ") select '" + neighbour.text() + "', seq, " +
              columns + " from read.audit_log where " + nth(3));

    const auto found = in.verified();
    CHECK(found.different == 4);
    std::multiset<std::pair<int, projection::difference::kind>> seen;
    for (const auto& each : found.differences)
    {
        CHECK(each.projection == "audit_log");
        seen.insert({each.lane, each.what});
    }
    using kind = projection::difference::kind;
    CHECK(seen == std::multiset<std::pair<int, kind>>{
                      {0, kind::missing}, {1, kind::other}, {2, kind::unexpected}, {3, kind::unexpected}});
}

namespace
{
// What is found when pages are followed to their end, and how many there were.
struct found_by_pages
{
    std::vector<std::int64_t> seqs;
    int pages = 0;
    std::optional<audit_log::place> newer;  // of the last page that held something
};

found_by_pages follow(projection::reader& from, const uuid& tenant, audit_log::question asked)
{
    found_by_pages all;
    do
    {
        const auto page = audit_log::read(from, tenant, asked);
        const bool goes_back = asked.beside && asked.beside->leads_back;
        std::vector<std::int64_t> here;
        for (const auto& each : page.events)
            here.push_back(each.at.seq);
        all.seqs.insert(goes_back ? all.seqs.begin() : all.seqs.end(), here.begin(), here.end());
        if (page.newer)
            all.newer = page.newer;
        asked.beside = goes_back ? page.newer : page.older;
    } while (asked.beside && ++all.pages < 10'000);
    return all;
}
}  // namespace

TEST_CASE("pages end at what they may cost and lead on, and all of them together hold every event once, both ways")
{
    world in;
    const auto tenants = random_history(in, 20, {2, 300});
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    projection::reader from{in.reading()};
    const auto& tenant = tenants[0];

    const auto expected = [&](const std::string& where) {
        std::vector<std::int64_t> seqs;
        std::istringstream text{in.db.run("select coalesce(string_agg(seq::text, ' ' order by seq desc), '') from"
                                          " es.event where tenant_id = '" +
                                          tenant.text() + "' and " + where)};
        for (std::int64_t seq = 0; text >> seq;)
            seqs.push_back(seq);
        return seqs;
    };
    const auto check = [&](const audit_log::question& asked, const std::string& where) {
        CAPTURE(where);
        const auto forth = follow(from, tenant, asked);
        CHECK(forth.seqs == expected(where));
        auto back = asked;
        back.beside = audit_log::place{0, true};
        if (!asked.entity)
            CHECK(follow(from, tenant, back).seqs == forth.seqs);
        return forth.pages;
    };

    audit_log::question all;
    all.limit = 7;
    CHECK(check(all, "true") > 15);
    all.costs.page_bytes_max = 1;  // one event each
    CHECK(check(all, "true") >= 150);

    audit_log::question rare;
    rare.actions = {"org.created"};
    rare.costs.rows_looked_at_max = 10;
    CHECK(check(rare, "type = 'org.created'") >= 15);
    rare.actions = {"task.*"};
    rare.limit = 3;
    check(rare, "category = 'task'");

    audit_log::question sought;
    sought.text = "NULL";
    sought.costs.rows_searched_max = 20;
    check(sought, "(data::text || type) ilike '%null%'");
    sought.costs.rows_searched_max = 1'000;
    sought.costs.bytes_searched_max = 2'000;
    CHECK(check(sought, "(data::text || type) ilike '%null%'") > 10);

    audit_log::question one;
    const auto busiest = in.db.run("select stream_id from es.event where tenant_id = '" + tenant.text() +
                                   "' and category = 'task' group by 1 order by count(*) desc limit 1");
    one.entity = event_log::thing{"task", *uuid::parse(busiest)};
    one.limit = 1;
    check(one, "stream_id = '" + busiest + "'");

    for (const char* at : {"(select min(recorded_at) from es.event)", "(select max(recorded_at) from es.event)",
                           "(select percentile_disc(0.5) within group (order by recorded_at) from es.event)"})
    {
        const auto when = in.db.run("select to_char(" + std::string{at} +
                                    " at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')");
        audit_log::question since, until;
        since.from = until.to = schema::moment::parse(when);
        check(since, "recorded_at >= '" + when + "'");
        check(until, "recorded_at < '" + when + "'");
    }
}

TEST_CASE("a period is looked for in the version that is shown, also when there is no other any more")
{
    world in;
    const auto tenants = random_history(in, 22, {2, 200});
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    const projection::definition* of = projection::read_model_named("audit_log");
    in.rebuild({&of, 1});
    it.catch_up();
    in.db.run("update read.projection set state = case version when 2 then 'live' else 'retired' end"
              " where projection = 'audit_log'; truncate read.audit_log");
    projection::reader from{in.reading()};
    audit_log::question asked;
    const auto later = schema::moment::parse("2999-01-01T00:00:00Z");
    asked.to = later;
    CHECK(std::to_string(follow(from, tenants[0], asked).seqs.size()) ==
          in.db.run("select count(*) from es.event where tenant_id = '" + tenants[0].text() + "'"));
    asked.to = std::nullopt;
    asked.from = later;
    CHECK(follow(from, tenants[0], asked).seqs.empty());
}

namespace
{
std::string replaced(std::string text, const std::string& what, const std::string& with)
{
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
        text.replace(at, what.size(), with);
    return text;
}

// How many rows of a table the page of a question has looked at, by PostgreSQL's own account.
int rows_seen(const world& in, const uuid& tenant, const audit_log::question& asked, const std::string& table)
{
    const auto statement = audit_log::statement_of(tenant, asked);
    std::string arguments;
    for (const auto& each : statement.arguments)
        arguments += (arguments.empty() ? "'" : ", '") + each + "'";
    auto body = replaced(replaced(statement.body, "$1", "(array[" + arguments + "])"), "$2", "'shown'");
    body = replaced(body, "{audit_log}", "read.audit_log");
    const auto plan = in.db.run("explain (analyze, timing off, format json) " + body);
    const auto at = plan.find("\"Relation Name\": \"" + table + "\"");
    REQUIRE_MESSAGE(at != std::string::npos, plan);
    CHECK_MESSAGE(plan.find("Seq Scan") == std::string::npos, plan);
    const std::string before = "\"Actual Rows\": ";
    return std::stoi(plan.substr(plan.find(before, at) + before.size()));
}
}  // namespace

TEST_CASE("a page looks at no more lines than it shows, wherever in the log it lies")
{
    world in;
    const auto tenants = random_history(in, 21, {2, 3'000});
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    in.db.run("analyze read.audit_log; analyze es.event");
    audit_log::question asked;
    asked.limit = 10;
    CHECK(rows_seen(in, tenants[0], asked, "audit_log") == 11);
    asked.beside = audit_log::place{1'000, false};
    CHECK(rows_seen(in, tenants[0], asked, "audit_log") == 11);
    asked.beside->leads_back = true;
    CHECK(rows_seen(in, tenants[0], asked, "audit_log") == 11);
    asked.beside.reset();
    asked.from = schema::moment{0};
    asked.text = "a";
    CHECK(rows_seen(in, tenants[0], asked, "audit_log") < 100);

    audit_log::question one;
    const auto busiest = in.db.run("select stream_id from es.event where tenant_id = '" + tenants[0].text() +
                                   "' and category = 'task' group by 1 order by count(*) desc limit 1");
    one.entity = event_log::thing{"task", *uuid::parse(busiest)};
    one.limit = 2;
    CHECK(rows_seen(in, tenants[0], one, "event") <= 3);
}
