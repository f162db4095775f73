// `clientflow projection swap`, `rollback`, `retire` and `upgrade`, killed at each of their fault points while others
// read: somebody always sees one version or the other, and the same command again finishes.
#ifdef CLIENTFLOW_FAULT_POINTS
#include "projections/catalogue.hpp"
#include "projections/client.hpp"
#include "projections/runner/list.hpp"
#include "tests/e2e/cli/session.hpp"
#include "tests/kit/eventually.hpp"
#include "tests/kit/projections/earlier.hpp"
#include "tests/kit/projections/world.hpp"
#include "tests/kit/scenario/caller.hpp"
#include "tests/kit/scenario/invariants.hpp"
#include "tests/kit/scenario/members.hpp"
#include "tests/kit/scenario/node.hpp"
#include "tests/kit/scenario/site.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace
{
using words = std::vector<std::string>;

constexpr kit::ending killed{137, 0}, ended_well{0, 0};
constexpr kit::milliseconds patience{60'000};

// `clientflow` beside whoever runs, with a fault planted or a trace kept, or neither.
kit::finished run(words what, const std::filesystem::path& data, const std::string& dsn, const std::string& fault = {},
                  const std::filesystem::path& trace = {})
{
    for (const auto& each : {std::string{"--data"}, data.string(), std::string{"--dsn"}, dsn, std::string{"--no-input"},
                             std::string{"--json"}})
        what.push_back(each);
    return kit::run({.program = kit::program("clientflow"),
                     .arguments = std::move(what),
                     .environment = {{"CLIENTFLOW_FAULT", fault}, {"CLIENTFLOW_FAULT_TRACE", trace.string()}}},
                    patience);
}

words lines_of(const std::filesystem::path& file)
{
    words lines;
    std::ifstream in{file};
    for (std::string line; std::getline(in, line);)
        lines.push_back(line);
    return lines;
}

// Looks without end, on a thread of its own, and keeps the first thing seen that is none of those it may see.
class watcher
{
public:
    watcher(std::function<std::string()> look, std::set<std::string> expected)
        : look_(std::move(look)), expected_(std::move(expected)), thread_([this] { run(); })
    {}
    ~watcher() { stop(); }

    // It has looked since.
    void await_looks() const
    {
        const long until = looks_ + 3;
        kit::await(
            "the next looks", [&] { return looks_ >= until; }, patience);
    }

    std::string stop()
    {
        stopping_ = true;
        if (thread_.joinable())
            thread_.join();
        return strange_;
    }

private:
    void run()
    {
        for (; !stopping_; ++looks_)
        {
            std::string seen;
            try
            {
                seen = look_();
            }
            catch (const std::exception& fault)
            {
                seen = fault.what();
            }
            if (strange_.empty() && !expected_.contains(seen))
                strange_ = "seen: " + seen;
        }
    }

    const std::function<std::string()> look_;
    const std::set<std::string> expected_;
    std::string strange_;  // its thread's until it is stopped
    std::atomic<long> looks_{0};
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

const std::string of_first = "Of the first", of_second = "Of the second";

// A server, and a task whose title tells which of two versions somebody reads.
struct given_two_versions
{
    given_two_versions()
    {
        server.start();
        at.found("bolt");
        const auto project =
            caller().expect(201, {.method = "POST", .target = "/api/v1/projects", .body = R"({"name": "A project"})"});
        add_task(scenario::text_member(project.body, "id"), of_first);
        project_id = scenario::text_member(project.body, "id");
        scenario::command_line(at, {"projection", "rebuild", "task", "--json"});
        scenario::findings late;
        scenario::await_read_models(at, late);
        REQUIRE(late.count("problems") == 0);
        title_in_second(of_second);
    }

    scenario::caller caller() const { return {server.port(), acme.api_key}; }

    void add_task(const std::string& project, const std::string& title) const
    {
        caller().expect(201, {.method = "POST",
                              .target = "/api/v1/tasks",
                              .body = R"({"project_id": ")" + project + R"(", "title": ")" + title + R"("})"});
    }

    void title_in_second(const std::string& title) const { at.ask("update read.task_v2 set title = '" + title + "'"); }

    // Stands as before a swap, or as after one.
    void show(int live, const std::string& other_state) const
    {
        at.ask("update read.projection set state = '" + other_state +
               "' where projection = 'task';"
               "update read.projection set state = 'live' where projection = 'task' and version = " +
               std::to_string(live) + "; select read.show_live_version('task')");
    }

    std::function<std::string()> api() const
    {
        return [by = std::make_shared<scenario::caller>(caller())] {
            const auto got = by->get("/api/v1/tasks?limit=5");
            const auto title = cli_session::member(got.reply.body, "title");
            return got.status() == 200 && !title.empty() ? title : std::to_string(got.status()) + got.reply.body;
        };
    }

    std::function<std::string()> analyst() const
    {
        return [this] { return at.ask("select string_agg(distinct title, ',') from read.tasks"); };
    }

    int live() const
    {
        return static_cast<int>(at.count("select version from read.projection where projection = 'task' and state ="
                                         " 'live'"));
    }

    kit::finished run(words what, const std::string& fault = {}, const std::filesystem::path& trace = {}) const
    {
        return ::run(std::move(what), at.room.path() / "office", at.dsn(), fault, trace);
    }

    // All that is derived is as the log says, in every version, and the two agree.
    void check_all()
    {
        title_in_second(of_first);
        add_task(project_id, "Of both");
        CHECK(kit::eventually(
            [&] {
                return run({"projection", "compare", "task", "--version", "2"}).end == ended_well;
            },
            patience));
        const auto found = scenario::check_store(at);
        CHECK_MESSAGE(found.count("problems") == 0, found.text());
    }

    scenario::site at;
    scenario::organisation acme = at.found("acme");
    scenario::node server{{.data = at.data_directory("server"), .dsn = at.dsn()}};
    std::string project_id;
};

const std::string& title_of(int version) { return version == 1 ? of_first : of_second; }
std::string table_of(int version) { return version == 1 ? "read.task" : "read.task_v2"; }
}  // namespace

TEST_CASE_FIXTURE(given_two_versions,
                  "killed at any point of a swap or a way back, one version or the other is read, and the same command "
                  "finishes")
{
    struct way
    {
        std::string verb, other_state;
        int from, to;
    };
    const words points{"swap_all.before_commit", "swap_all.after_commit", "show_to_analysts.before_commit",
                       "show_to_analysts.after_commit"};
    watcher by_api{api(), {of_first, of_second}}, by_analyst{analyst(), {of_first, of_second}};
    for (const auto& [verb, other_state, from, to] :
         {way{"swap", "beside", 1, 2}, way{"rollback", "former", 1, 2}, way{"rollback", "former", 2, 1}})
    {
        CAPTURE(verb);
        const auto trace = at.room.path() / ("trace-" + verb + std::to_string(from));
        show(from, other_state);
        REQUIRE(run({"projection", verb, "task"}, {}, trace).end == ended_well);
        CHECK(lines_of(trace) == points);
        for (const auto& point : points)
        {
            CAPTURE(point);
            show(from, other_state);
            CHECK(run({"projection", verb, "task"}, point + ":kill").end == killed);
            const int shown = point == "swap_all.before_commit" ? from : to;
            CHECK(live() == shown);
            CHECK(api()() == title_of(shown));
            by_api.await_looks();
            by_analyst.await_looks();

            words again{"projection", verb, "task"};
            if (point == points.back())  // all was done: without its number the command would take the next step
                again.insert(again.end(), {"--version", std::to_string(to)});
            const auto finished = run(again);
            CHECK_MESSAGE(finished.end == ended_well, finished.errors);
            CHECK(scenario::integer_member(finished.output, "version") == to);
            CHECK(live() == to);
            CHECK(api()() == title_of(to));
            CHECK(at.ask("select of_table from read.analyst_view where name = 'tasks'") == table_of(to));
            CHECK(analyst()() == title_of(to));
        }
    }
    CHECK(by_api.stop() == "");
    CHECK(by_analyst.stop() == "");
    check_all();
}

TEST_CASE_FIXTURE(given_two_versions,
                  "killed between any two steps of throwing a version away, the live one is read, and the same command "
                  "finishes")
{
    watcher by_api{api(), {of_first}}, by_analyst{analyst(), {of_first}};
    const words retire{"projection", "retire", "task", "--version", "2", "--reason", "A test"};
    const auto state = [&] {
        return at.ask("select state from read.projection where projection = 'task' and version = 2");
    };
    for (const std::string point :
         {"retire.before:kill", "retire.after:kill", "remove_retired.positions_gone:kill",
          "remove_retired.tenant_gone:kill:1", "remove_retired.tenant_gone:kill:2", "remove_retired.words_quiet:kill",
          "remove_retired.words_gone:kill", "remove_retired.rows_gone:kill"})
    {
        CAPTURE(point);
        CHECK(run(retire, point).end == killed);
        CHECK(state() == (point == "retire.before:kill" ? "beside" : "retired"));
        add_task(project_id, of_first);  // whoever feeds the other one goes on
        by_api.await_looks();
        by_analyst.await_looks();
    }
    CHECK(run(retire).end == ended_well);
    CHECK(run(retire).end == ended_well);
    for (const std::string left : {"pg_class where relname in ('task_v2', 'search_term_task_v2')",
                                   "read.checkpoint where projection = 'task' and version = 2",
                                   "read.sum where counter like 'task.%' and version = 2",
                                   "read.search_term where projection = 'task' and version = 2"})
        CHECK_MESSAGE(at.ask("select count(*) from " + left) == "0", left);
    CHECK(by_api.stop() == "");
    CHECK(by_analyst.stop() == "");
    const auto found = scenario::check_store(at);
    CHECK_MESSAGE(found.count("problems") == 0, found.text());
}

TEST_CASE_FIXTURE(given_two_versions, "what differs between two versions is named as it is called everywhere")
{
    const auto compared = run({"projection", "compare", "task", "--version", "2"});
    CHECK(compared.end.exit_code == 6);
    CHECK_MESSAGE(compared.output.find(R"("differences":[{"tenant":"org_)") != std::string::npos, compared.output);
    CHECK_MESSAGE(compared.output.find(R"(","key":"task_)") != std::string::npos, compared.output);
    CHECK(run({"projection", "compare", "task", "--version", "1"}).end.exit_code == 4);
}

TEST_CASE_FIXTURE(given_two_versions, "what the analysts' view still shows is not thrown away under it")
{
    watcher by_api{api(), {of_first, of_second}}, by_analyst{analyst(), {of_first, of_second}};
    CHECK(run({"projection", "swap", "task"}, "swap_all.after_commit:kill").end == killed);
    CHECK(analyst()() == of_first);
    by_analyst.await_looks();
    CHECK(run({"projection", "retire", "task", "--version", "1", "--dry-run"})
              .output.find(R"("dry_run":true,"seen_by_analysts":true})") != std::string::npos);
    const auto mistyped = run({"projection", "retire", "tsk", "--version", "1", "--dry-run"});
    CHECK(mistyped.end.exit_code == 3);
    CHECK_MESSAGE(mistyped.errors.find(R"(there is no read model \"tsk\"; did you mean \"task\"?)") !=
                      std::string::npos,
                  mistyped.errors);
    CHECK(analyst()() == of_first);
    const auto gone = run({"projection", "retire", "task", "--version", "1", "--reason", "A test"});
    CHECK_MESSAGE(gone.end == ended_well, gone.errors);
    CHECK(at.ask("select count(*) from read.task") == "0");
    by_api.await_looks();
    by_analyst.await_looks();
    CHECK(analyst()() == of_second);
    CHECK(by_api.stop() == "");
    CHECK(by_analyst.stop() == "");
    title_in_second(of_first);
    const auto found = cli_session::clientflow(
        {"audit", "completeness", "--data", (at.room.path() / "office").string(), "--dsn", at.db.dsn("postgres")},
        patience);
    CHECK_MESSAGE(found.end == ended_well, found.output);
}

TEST_CASE("killed at any point of an upgrade, what the program before has made is read until it is all shown anew")
{
    using namespace projection_tests;
    world in;
    const auto tenant = random_history(in, 57, {4, 300}).front();
    const earlier_program before;
    running old{in, in.room.path() / "cache", before.read_models()};
    old.catch_up();
    const auto upgrade = [&](const std::string& fault) {
        return run({"projection", "upgrade"}, in.room.path(), in.db.dsn(), fault);
    };
    const projection::list_place place{tenant, "/api/v1/clients"};
    const auto ask = projection::read_list_query(client::listing(), {}, place, in.reading().cursor_secret);
    REQUIRE(ask);
    const auto listed = [&, from = std::make_shared<projection::reader>(in.reading())] {
        return from->list(client::listing(), place, *ask).data;
    };
    const auto seen = [&] {
        return in.db.run(
            "select md5(string_agg(c::text, ';' order by c.id)) from read.clients c where c.tenant_id = '" +
            tenant.text() + "'");
    };
    REQUIRE(listed().find(R"("id":"client_)") != std::string::npos);
    watcher by_api{listed, {listed()}}, by_analyst{seen, {seen()}};

    std::uint32_t seed = 60;
    for (const std::string point :
         {"rebuild.lane_folded", "rebuild.before_commit", "rebuild.after_commit", "rebuild.finished",
          "projection.before_commit", "projection.after_commit", "rebuild.caught_up", "swap_all.before_commit",
          "swap_all.after_commit", "show_to_analysts.before_commit", "show_to_analysts.after_commit"})
    {
        CAPTURE(point);
        random_history(in, ++seed, {4, 40});
        const auto cut = upgrade(point + ":kill");
        CHECK_MESSAGE(cut.end == killed, cut.errors);
        const bool is_shown = point == "swap_all.after_commit" || point.starts_with("show_to_analysts.");
        CHECK(in.db.run("select count(*) from read.projection where state = 'live' and definition = 1"
                        " and projection in ('client', 'member', 'comment', 'project')") == (is_shown ? "0" : "4"));
        by_api.await_looks();
        by_analyst.await_looks();
    }
    for (int nth = 0; nth < 2; ++nth)
        CHECK(upgrade({}).end == ended_well);
    CHECK(in.db.run("select count(*) from read.analyst_view v join read.projection p using (projection)"
                    " where p.state = 'live' and p.rows_in <> v.of_table") == "0");
    by_api.await_looks();
    by_analyst.await_looks();
    CHECK(by_api.stop() == "");
    CHECK(by_analyst.stop() == "");

    old.stop();
    running it{in, in.room.path() / "cache"};
    random_history(in, ++seed, {4, 40});
    it.catch_up();
    projection::version_store versions{in.rows()};
    versions.open();
    const auto live = versions.live(projection::read_models());
    CHECK(in.verified(projection::definitions_of(live)).different == 0);
}
#endif
