// Read models held against the log and mended: what was altered by hand is found, and made anew beside a running
// runner.
#include "events/project.hpp"
#include "events/task.hpp"
#include "projections/audit_log.hpp"
#include "projections/project.hpp"
#include "projections/runner/row_audit.hpp"
#include "projections/runner/row_cache.hpp"
#include "projections/runner/row_mending.hpp"
#include "projections/task.hpp"
#include "schemas/row_codec.hpp"
#include "tests/kit/process.hpp"
#include "tests/kit/projections/world.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <set>
#include <span>
#include <tuple>

using namespace projection_tests;

namespace
{
projection::row_audit_config auditing(const world& in)
{
    projection::row_audit_config made;
    made.rows = in.rows();
    made.keys = in.verifying().keys;
    made.events_max = 40;  // small, so that a tenant is many slices
    made.rows_max = 30;
    made.count_max = 100;
    made.lines_max = 50;
    return made;
}

struct found
{
    std::string projection;
    projection::audited_tenant whose;
    projection::row_difference what;
    const projection::definition* of = nullptr;
};

struct given_a_history
{
    given_a_history() { it->catch_up(); }

    // Everything that differs, tenant by tenant.
    std::vector<found> differences()
    {
        projection::row_audit audit{auditing(in), *in.keys};
        audit.open();
        std::vector<found> all = different_lines(audit);
        for (const auto& whose : audit.tenants())
            for (const auto* of : projection::read_models())
            {
                if (of->kind == projection::row_kind::appended)
                    continue;
                projection::row_digests digests;
                std::size_t different_rows = 0;
                for (std::optional<uuid> after{uuid{}}; after;)
                {
                    const auto slice = audit.rows(*of, whose, *after, digests);
                    CHECK(slice.is_foldable_by_stream);
                    CHECK_FALSE(slice.stream_with_hole);
                    CHECK(slice.rows <= 30);
                    different_rows += static_cast<std::size_t>(
                        std::ranges::count_if(slice.differences, [](const auto& each) { return !each.is_of_terms; }));
                    for (const auto& each : slice.differences)
                        all.push_back({std::string{of->name}, whose, each, of});
                    after = slice.next;
                }
                CHECK((digests.wanted == digests.found) == (different_rows == 0));
                for (const auto& each : audit.totals(*of, whose))
                    all.push_back({std::string{of->name}, whose, each, of});
            }
        return all;
    }

    // Tenant by tenant the same is found, and the same digests.
    static void check_by_tenant(projection::row_audit& audit, const projection::definition& of, std::int32_t lane,
                                const std::vector<found>& along_lane, projection::line_tallies& tallies)
    {
        using place = std::tuple<std::int64_t, projection::row_difference::kind>;
        for (const auto& whose : audit.tenants())
        {
            if (whose.lane != lane)
                continue;
            std::multiset<place> expected, seen;
            for (const auto& each : along_lane)
                if (each.whose.tenant == whose.tenant)
                    expected.emplace(each.what.last_seq, each.what.what);
            const auto places = audit.places(of, whose);
            REQUIRE(places);
            projection::line_tallies mine;
            const auto note = [&](const std::vector<projection::row_difference>& differences) {
                for (const auto& each : differences)
                    seen.emplace(each.last_seq, each.what);
            };
            for (std::span<const projection::line_key> left{*places}; !left.empty();)
            {
                const auto now = left.first(std::min<std::size_t>(left.size(), 50));
                note(audit.lines_at(of, lane, now, mine).differences);
                left = left.subspan(now.size());
            }
            for (std::optional<projection::line_key> after{projection::line_key{}}; after;)
            {
                const auto slice = audit.unexpected_lines_of(of, whose, after->seq, mine);
                note(slice.differences);
                after = slice.next;
            }
            CHECK(seen == expected);
            CHECK(mine.size() <= 1);
            const auto &one = mine[whose.tenant], &other = tallies[whose.tenant];
            CHECK(one.events == other.events);
            CHECK(one.rows == other.rows);
            CHECK(one.digests.wanted == other.digests.wanted);
            CHECK(one.digests.found == other.digests.found);
        }
    }

    // Of appended rows, lane by lane: along the log, and then what stands beside.
    static std::vector<found> different_lines(projection::row_audit& audit)
    {
        std::vector<found> all;
        for (const auto* of : projection::read_models())
            for (const auto lane : audit.lanes())
            {
                if (of->kind != projection::row_kind::appended)
                    continue;
                projection::line_tallies tallies;
                const auto before = all.size();
                const auto note = [&](const std::vector<projection::row_difference>& differences) {
                    CHECK(differences.size() <= 50);
                    for (const auto& each : differences)
                        all.push_back({std::string{of->name}, {each.key.tenant, lane}, each, of});
                };
                for (std::optional<std::int64_t> after{0}; after;)
                {
                    const auto slice = audit.lines(*of, lane, *after, tallies);
                    note(slice.differences);
                    after = slice.next;
                }
                for (std::optional<projection::line_key> after{projection::line_key{}}; after;)
                {
                    const auto slice = audit.unexpected_lines(*of, lane, *after, tallies);
                    note(slice.differences);
                    after = slice.next;
                }
                // As many rows as events, and the same.
                const bool is_whole = std::ranges::all_of(tallies, [](const auto& each) {
                    return each.second.rows == each.second.events &&
                           each.second.digests.wanted == each.second.digests.found;
                });
                CHECK(is_whole == (all.size() == before));
                check_by_tenant(audit, *of, lane, {all.begin() + static_cast<std::ptrdiff_t>(before), all.end()},
                                tallies);
            }
        return all;
    }

    void mend(const std::vector<found>& all)
    {
        projection::row_mending mending{auditing(in), *in.keys};
        for (const auto& each : all)
        {
            if (each.of->kind == projection::row_kind::appended)
            {
                const projection::line_key key{each.whose.tenant, each.what.last_seq};
                mending.lines(*each.of, each.whose.lane, {&key, 1});
                continue;
            }
            const std::vector<uuid> keys =
                each.what.total.empty() ? std::vector<uuid>{each.what.key.id} : std::vector<uuid>{};
            mending.rows(*each.of, each.whose, keys);
        }
    }

    // Found as expected, mended, and the runner at work goes on from there.
    void check_found_and_mended(std::size_t count, const std::string& projection, projection::row_difference::kind what)
    {
        const auto all = differences();
        REQUIRE(all.size() >= count);
        CHECK(std::ranges::all_of(all, [&](const auto& each) { return each.projection == projection; }));
        CHECK(std::ranges::any_of(all, [&](const auto& each) { return each.what.what == what; }));
        mend(all);
        CHECK(differences().empty());
        CHECK(in.verified().different == 0);
        go_on();
        CHECK(in.verified().different == 0);
    }

    void go_on()
    {
        for (const auto& tenant : tenants)
        {
            task::created fact;
            fact.id = {fresh_id()};
            fact.project_id = {fresh_id()};
            fact.title = "one more";
            in.append(tenant, "task", fact.id.value, fact);
        }
        in.flush();
        it->catch_up();
    }

    std::string a_task(const std::string& condition = "true")
    {
        return in.db.run("select id from read.task where " + condition + " order by id offset 3 limit 1");
    }

    world in;
    const std::vector<uuid> tenants = random_history(in, 91, {3, 700});
    std::optional<running> it{std::in_place, in, in.room.path() / "cache"};
};
}  // namespace

using kind = projection::row_difference::kind;

TEST_CASE_FIXTURE(given_a_history, "rows that nobody has touched show no difference, while events go on")
{
    CHECK(differences().empty());
    go_on();
    CHECK(differences().empty());
}

TEST_CASE_FIXTURE(given_a_history, "an altered, a removed and an invented row are each found and made anew")
{
    SUBCASE("altered")
    {
        in.db.run("update read.task set title = 'altered', status = 'done' where id = '" + a_task() + "'");
        check_found_and_mended(1, "task", kind::other);
    }
    SUBCASE("removed")
    {
        in.db.run("delete from read.project");
        check_found_and_mended(10, "project", kind::missing);
    }
    SUBCASE("invented")
    {
        in.db.run("insert into read.task select tenant_id, gen_random_uuid(), version, created_at, updated_at,"
                  " archived_at, project_id, 'invented', description, status, priority, due_on, assignee_ids,"
                  " estimate_minutes, labels, parent_id, completed_at from read.task order by id limit 1");
        check_found_and_mended(1, "task", kind::unexpected);
    }
    SUBCASE("found by other words")
    {
        in.db.run(
            "delete from read.search_term where id = (select id from read.search_term where projection = 'task'"
            " order by id offset 9 limit 1);"
            "insert into read.search_term select tenant_id, projection, version, id, 'invented', place, created_at"
            " from read.search_term where projection = 'task' order by id desc limit 1");
        CHECK(std::ranges::all_of(differences(), [](const auto& each) { return each.what.is_of_terms; }));
        check_found_and_mended(2, "task", kind::other);
    }
    SUBCASE("moved to another tenant")
    {
        in.db.run("update read.client set tenant_id = '" + tenants[1].text() + "' where tenant_id = '" +
                  tenants[0].text() + "' and id = (select min(id::text)::uuid from read.client where tenant_id = '" +
                  tenants[0].text() + "')");
        check_found_and_mended(2, "client", kind::missing);
    }
}

TEST_CASE_FIXTURE(given_a_history, "an altered, a removed and an invented total are found and counted anew")
{
    SUBCASE("altered")
    {
        in.db.run("update read.sum set value = value + 5 where counter = 'task.status' and bucket = 'todo'");
        check_found_and_mended(1, "task", kind::other);
    }
    SUBCASE("removed")
    {
        in.db.run("delete from read.sum where counter = 'client.open'");
        check_found_and_mended(1, "client", kind::missing);
    }
    SUBCASE("invented")
    {
        in.db.run("insert into read.sum values ('" + tenants[0].text() + "', 'project.status', 2, 'dreaming', 5, 5)");
        check_found_and_mended(1, "project", kind::unexpected);
    }
}

TEST_CASE_FIXTURE(given_a_history,
                  "rows of who did what that were removed, altered or added are each found and made anew")
{
    const auto lines = [&] { return in.db.run("select count(*) from read.audit_log"); };
    const auto events = [&] { return in.db.run("select count(*) from es.event"); };
    CHECK(lines() == events());
    SUBCASE("removed")
    {
        in.db.run("delete from read.audit_log where seq % 7 = 3");
        const auto first = differences().front();
        CHECK(first.what.what == kind::missing);
        CHECK(first.what.last_seq == 3);
        check_found_and_mended(30, "audit_log", kind::missing);
    }
    SUBCASE("altered, whichever column")
    {
        for (const std::string change :
             {"version = version + 1", "occurred_at = occurred_at + interval '1 us'",
              "recorded_at = recorded_at - interval '1 us'", "event_id = gen_random_uuid()",
              "entity_id = gen_random_uuid()", "lane = lane + 1", "entity = 'dream'", "action = 'task.dreamt'",
              "actor_type = 'operator'", "actor_id = 'member_00000000000000000000000001'", "on_behalf_of = 'somebody'",
              "request_id = 'r'"})
        {
            CAPTURE(change);
            in.db.run("update read.audit_log set " + change + " where seq = 11");
            const auto all = differences();
            REQUIRE_FALSE(all.empty());
            CHECK(std::ranges::all_of(all, [](const auto& each) { return each.what.last_seq == 11; }));
            mend(all);
            CHECK(differences().empty());
        }
        CHECK(in.verified().different == 0);
    }
    SUBCASE("added behind the log's end, and at another tenant's place")
    {
        in.db.run("insert into read.audit_log select tenant_id, seq + 100000, version, occurred_at, recorded_at,"
                  " event_id, entity_id, lane, entity, action, actor_type from read.audit_log where seq % 100 = 5");
        in.db.run("insert into read.audit_log select '" + tenants[0].text() +
                  "', seq, version, occurred_at, recorded_at, event_id, entity_id, lane, entity, action, actor_type"
                  " from read.audit_log where tenant_id = '" +
                  tenants[1].text() + "' and seq = (select max(seq) from read.audit_log where tenant_id = '" +
                  tenants[1].text() + "') on conflict do nothing");
        check_found_and_mended(3, "audit_log", kind::unexpected);
    }
    CHECK(lines() == events());
}

TEST_CASE_FIXTURE(given_a_history,
                  "a position that was moved shows rows to mend, and the runner goes on from where it is")
{
    const std::string newest = " and lane = 1 and step = (select max(step) from read.checkpoint"
                               " where projection = 'task' and lane = 1)";
    const auto positions = [&] {
        projection::row_audit audit{auditing(in), *in.keys};
        audit.open();
        auto all = audit.positions(projection::read_models());
        std::erase_if(all, [](const auto& each) { return !each.is_beyond_log && !each.is_of_other_event; });
        return all;
    };
    CHECK(positions().empty());
    const auto mend_positions = [&] {
        const auto all = positions();
        REQUIRE(all.size() == 1);
        CHECK(all[0].of->name == "task");
        projection::row_mending mending{auditing(in), *in.keys};
        mending.position(*all[0].of, all[0].lane);
        CHECK(positions().empty());
        mend(differences());
        CHECK(differences().empty());
        go_on();
        CHECK(in.verified().different == 0);
    };
    SUBCASE("beyond the log")
    {
        in.db.run("update read.checkpoint set seq = seq + 1000 where projection = 'task'" + newest);
        mend_positions();
    }
    SUBCASE("to another event")
    {
        in.db.run("update read.checkpoint set event_id = gen_random_uuid() where projection = 'task'" + newest);
        mend_positions();
    }
    SUBCASE("back")
    {
        in.db.run("update read.checkpoint set seq = seq - 40 where projection = 'task'" + newest);
        mend_positions();
    }
    SUBCASE("away: all that there is of it is folded again")
    {
        in.db.run("delete from read.checkpoint where projection = 'task' and lane = 1");
        const auto all = differences();
        CHECK(all.size() > 20);
        mend(all);
        CHECK(differences().empty());
        go_on();
        CHECK(in.verified().different == 0);
    }
    SUBCASE("away, and nothing more happens in the lane: the runner finds that by itself")
    {
        in.db.run("delete from read.checkpoint where projection = 'task' and lane = 1");
        mend(differences());
        const auto heads = in.heads();
        const auto head = std::ranges::find(heads, 1, &event_log::position::lane)->seq;
        kit::await("the lane is folded again", [&] {
            return in.db.run("select coalesce(max(seq), 0) from read.checkpoint where projection = 'task'"
                             " and lane = 1") == std::to_string(head);
        });
        CHECK(in.verified().different == 0);
        CHECK(std::ranges::count(it->reports(), projection::report::kind::lane_lost, &projection::report::what) >= 1);
    }
}

TEST_CASE_FIXTURE(given_a_history,
                  "what a damaged cache makes of a row is found, and the cache is dropped with the repair")
{
    const auto lane = 1;
    const auto tenant = tenants[1];
    const auto id = *uuid::parse(a_task("tenant_id = '" + tenant.text() + "' and archived_at is null"));
    it.reset();
    const auto directory = in.room.path() / "cache";
    {
        projection::row_cache cache{{directory}};
        const projection::space where{"task", 1, lane};
        const auto stands = cache.stands(where);
        REQUIRE(stands);
        REQUIRE(stands->is_complete);
        std::string key{"r"};
        key.append(reinterpret_cast<const char*>(tenant.bytes.data()), tenant.bytes.size());
        key.append(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
        const std::vector<std::string> keys{key};
        const auto held = cache.get(where, keys);
        REQUIRE(held.front());
        task::item row;
        REQUIRE(schema::decode_row(task::item_type(), &row, *held.front()));
        row.title = "of a damaged cache";
        std::string bytes;
        schema::encode_row(task::item_type(), &row, bytes);
        projection::row_cache::changes all;
        all.put(where, key, bytes);
        cache.write(all);
    }
    const auto title = [&] { return in.db.run("select title from read.task where id = '" + id.text() + "'"); };
    running again{in, directory};
    in.append(tenant, "task", id, task::archived{{id}});
    in.flush();
    again.catch_up();
    REQUIRE(title() == "of a damaged cache");

    // The words that it was found by are those of its true title, and nobody took them back.
    const auto all = differences();
    REQUIRE_FALSE(all.empty());
    CHECK(std::ranges::all_of(all, [&](const auto& each) { return each.what.key.id == id; }));
    mend(all);
    CHECK(title() != "of a damaged cache");
    in.append(tenant, "task", id, task::restored{{id}});
    in.flush();
    again.catch_up();
    CHECK(title() != "of a damaged cache");
    CHECK(differences().empty());
    CHECK(in.verified().different == 0);
}

TEST_CASE("a stopped key is held against the events before it stopped, and a repair leaves it stopped")
{
    world in;
    const auto tenant = in.tenant(2);
    project::created bad;
    bad.id = {fresh_id()};
    bad.name = "bad";
    in.append(tenant, "project", bad.id.value, bad);
    in.append_raw(tenant, "project", bad.id.value, "project.activated", 1, fresh_id(), R"({"id": 5})");
    in.append(tenant, "project", bad.id.value, project::archived{bad.id});
    in.flush();
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    REQUIRE(in.db.run("select count(*) from read.parked") == "1");

    projection::row_audit audit{auditing(in), *in.keys};
    audit.open();
    projection::row_digests digests;
    CHECK(audit.rows(project::read_model(), {tenant, 2}, {}, digests).differences.empty());
    in.db.run("update read.project set name = 'altered'");
    REQUIRE(audit.rows(project::read_model(), {tenant, 2}, {}, digests).differences.size() == 1);
    projection::row_mending mending{auditing(in), *in.keys};
    mending.rows(project::read_model(), {tenant, 2}, std::vector<uuid>{bad.id.value});
    CHECK(in.db.run("select name || version from read.project") == "bad1");
    CHECK(in.db.run("select count(*) from read.parked") == "1");
    CHECK(in.verified().different == 0);
}

TEST_CASE_FIXTURE(given_a_history, "a lane's events are counted piece by piece, and the first that is missing is named")
{
    projection::row_audit audit{auditing(in), *in.keys};
    audit.open();
    const auto walk = [&] {
        projection::audited_lane seen;
        std::size_t pieces = 0;
        do
        {
            seen = audit.count(1, seen.counted_to);
            ++pieces;
        } while (!seen.first_gap && seen.counted_to < seen.head);
        CHECK(pieces > 1);
        return seen;
    };
    const auto whole = walk();
    CHECK(whole.counted_to == whole.head);
    in.db.run(
        "alter table es.event disable trigger all; delete from es.event where lane = 1 and seq between 150 and 152;"
        "alter table es.event enable trigger all");
    CHECK(walk().first_gap == 150);
}

#ifdef CLIENTFLOW_FAULT_POINTS
TEST_CASE("child: mends what differs" * doctest::skip())
{
    const char* dsn = std::getenv("MEND_CHILD_DSN");
    if (dsn == nullptr)
        return;
    projection::row_audit_config where;
    where.rows.connection.dsn = dsn;
    where.rows.watchdog = std::make_shared<event_log::watchdog>();
    where.keys.dsn = dsn;
    where.keys.guard = where.rows.watchdog;
    event_log::keyring ring{event_log::keyring_config{std::getenv("MEND_CHILD_KEY")}};
    projection::row_mending mending{where, ring};
    const projection::audited_tenant whose{*uuid::parse(std::getenv("MEND_CHILD_TENANT")), 1};
    if (const char* seq = std::getenv("MEND_CHILD_LINE"))
    {
        const projection::line_key key{whose.tenant, std::stoll(seq)};
        mending.lines(audit_log::read_model(), whose.lane, {&key, 1});
    }
    else if (const char* key = std::getenv("MEND_CHILD_ROW"))
        mending.rows(task::read_model(), whose, std::vector<uuid>{*uuid::parse(key)});
    else
        mending.position(task::read_model(), whose.lane);
}

TEST_CASE_FIXTURE(given_a_history, "a repair that is killed around its commit has mended all of it or nothing")
{
    const auto tenant = tenants[1].text();
    const auto killed_at = [&](const std::string& point, const std::string& row, const std::string& line = {}) {
        const auto fired = in.room.path() / ("fired-" + point);
        kit::launch child;
        child.program = "/proc/self/exe";
        child.arguments = {"--no-skip", "--test-case=child: mends what differs"};
        child.environment = {{"MEND_CHILD_DSN", in.db.dsn()},
                             {"MEND_CHILD_KEY", (in.room.path() / "master.key").string()},
                             {"MEND_CHILD_TENANT", tenant},
                             {"CLIENTFLOW_FAULT", point + ":kill"},
                             {"CLIENTFLOW_FAULT_LOG", fired.string()}};
        if (!row.empty())
            child.environment.emplace("MEND_CHILD_ROW", row);
        if (!line.empty())
            child.environment.emplace("MEND_CHILD_LINE", line);
        CHECK(kit::run(child).end.exit_code == 137);
        CHECK(std::filesystem::exists(fired));
    };
    const auto row = a_task("tenant_id = '" + tenant + "'");
    in.db.run("update read.task set title = 'altered' where id = '" + row +
              "';"
              "update read.sum set value = value + 1 where counter = 'task.created' and tenant_id = '" +
              tenant + "'");
    const auto before = differences().size();
    REQUIRE(before > 1);
    killed_at("mend_rows.before_commit", row);
    CHECK(differences().size() == before);
    killed_at("mend_rows.after_commit", row);
    CHECK(differences().empty());

    const auto line = in.db.run("select max(seq) from read.audit_log where tenant_id = '" + tenant + "'");
    in.db.run("delete from read.audit_log where tenant_id = '" + tenant + "' and seq = " + line);
    killed_at("mend_lines.before_commit", "", line);
    CHECK(differences().size() == 1);
    killed_at("mend_lines.after_commit", "", line);
    CHECK(differences().empty());

    in.db.run("update read.checkpoint set seq = seq + 1000 where projection = 'task' and lane = 1 and step ="
              " (select max(step) from read.checkpoint where projection = 'task' and lane = 1)");
    const auto is_beyond = [&] {
        projection::row_audit audit{auditing(in), *in.keys};
        audit.open();
        return std::ranges::any_of(audit.positions(projection::read_models()),
                                   [](const auto& each) { return each.is_beyond_log; });
    };
    killed_at("mend_position.before_commit", "");
    CHECK(is_beyond());
    killed_at("mend_position.after_commit", "");
    CHECK_FALSE(is_beyond());
    go_on();
    CHECK(in.verified().different == 0);
}
#endif
