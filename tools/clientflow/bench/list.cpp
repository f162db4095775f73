// `bench list`: pages of 50 of many tasks, filtered, beside the same page asked by pgbench with no server between and
// no row security.
#include "projections/runner/list.hpp"

#include "events/task.hpp"
#include "projections/task.hpp"
#include "tools/clientflow/bench/benches.hpp"
#include "tools/clientflow/bench/client.hpp"
#include "tools/clientflow/bench/many_tasks.hpp"
#include "tools/clientflow/database.hpp"

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <stdexcept>

namespace cli::bench
{
namespace
{
constexpr std::int64_t rows_default = 1'000'000;
constexpr int deep_page = 10'000;
constexpr double slice_seconds = 2;
constexpr int floor_connections = 4;  // two would leave a core idle while answers travel, more only wait for each other
constexpr const char* route = "/api/v1/tasks";
constexpr const char* first_page = "/api/v1/tasks?priority=high&limit=50";

std::string replaced(std::string text, std::string_view what, const std::string& with)
{
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
        text.replace(at, what.size(), with);
    return text;
}

// The statement of the first page as anybody would write it: the columns by name, values in the text, the tenant as a
// condition. (The server asks for ids and moments in a form that is printed sooner.)
std::string statement_of_page(const std::string& tenant)
{
    const projection::list_place place{schema::uuid::parse(tenant).value(), route};
    const auto ask = projection::read_list_query(task::listing(), {{"priority", "high"}, {"limit", "50"}}, place,
                                                 std::string(32, '0'));
    if (!ask)
        throw std::logic_error("the benchmark's own query is not understood");
    const auto made = projection::list_statement(task::listing(), *ask, {});
    std::string values;
    for (const auto& each : made.arguments)
        values += (values.empty() ? "'" : ", '") + each + '\'';
    std::string columns = "select 'place'::text";
    for (const auto& each : task::listing().columns)
        columns += ", t." + each.name;
    auto text =
        columns + replaced(made.body.substr(made.body.find(" from {task}")), "$1", "(array[" + values + "]::text[])");
    return replaced(replaced(text, "{task}", "read.task"), " where ", " where t.tenant_id = '" + tenant + "' and ");
}

// Its environment carries the connection string, which no argument should.
class pgbench
{
public:
    pgbench(const settings& of, const std::string& statement) : file_(of.data / "page.sql")
    {
        std::ofstream{file_} << statement << ";\n";
        ::setenv("PGDATABASE", of.admin_dsn.c_str(), 1);
        ::setenv("PGOPTIONS", "-c jit=off -c max_parallel_workers_per_gather=0", 1);
    }
    ~pgbench()
    {
        ::unsetenv("PGDATABASE");
        ::unsetenv("PGOPTIONS");
    }
    pgbench(const pgbench&) = delete;
    pgbench& operator=(const pgbench&) = delete;

    double per_second() const
    {
        const auto line = "pgbench -n -M prepared -c " + std::to_string(floor_connections) + " -j 1 -T " +
                          std::to_string(static_cast<int>(slice_seconds)) + " -f " + file_.string() + " 2>&1";
        const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out{::popen(line.c_str(), "r"), ::pclose};
        std::string said;
        std::array<char, 4096> part{};
        for (std::size_t n = 0; out && (n = std::fread(part.data(), 1, part.size(), out.get())) > 0;)
            said.append(part.data(), n);
        constexpr std::string_view before = "\ntps = ";
        double found = 0;
        if (const auto at = said.find(before); at != std::string::npos)
            std::from_chars(said.data() + at + before.size(), said.data() + said.size(), found);
        if (found <= 0)
            throw std::runtime_error("pgbench (Debian: postgresql-contrib) did not measure: " + said);
        return found;
    }

private:
    std::filesystem::path file_;
};

// The page before which there are so many others, or the last one. The number of the page that was found goes to `nth`.
std::string go_deep(const wire::endpoint& to, const std::string& key, int& nth, progress& line)
{
    constexpr std::string_view before = "\"next_cursor\":\"";
    wire::exchange by{to, 1};
    std::string target = first_page;
    bool has_more = true;
    for (nth = 1; nth < deep_page && has_more && !stop_asked();)
    {
        by.send(0, rendered(to, "GET", target, key));
        for (bool is_waiting = true; is_waiting;)
            by.step(std::chrono::milliseconds{50}, [&](int, wire::response& got) {
                is_waiting = false;
                const auto at = got.body.rfind(before);
                has_more = got.status == 200 && at != std::string::npos;
                if (!has_more)
                    return;
                const auto begin = at + before.size();
                target =
                    std::string{first_page} + "&cursor=" + got.body.substr(begin, got.body.find('"', begin) - begin);
                ++nth;
            });
        if (nth % 100 == 0)
            line.tell("page " + std::to_string(nth) + " of " + std::to_string(deep_page));
    }
    return target;
}

struct pages
{
    double per_second = 0;  // a sum over slices
    std::vector<float> took_ms;

    void add(burst&& seen)
    {
        if (seen.refused > 0)
            throw std::runtime_error("a page was refused: " + seen.first_refusal);
        per_second += seen.per_second;
        took_ms.insert(took_ms.end(), seen.took_ms.begin(), seen.took_ms.end());
    }
};
}  // namespace

report list(const settings& configured, const wishes& given, progress& line)
{
    const ground here{configured};
    const auto who = make_tenant(here.of(), "bench");
    const server running{here.of(), "api,projector"};
    const auto& to = running.api();
    const auto rows = given.rows > 0 ? given.rows : rows_default;
    make_tasks(
        to, who.key, rows, given.connections,
        [](std::int64_t nth) {
            return R"(,"title":"Task )" + std::to_string(nth) + R"(","priority":)" +
                   (nth % 2 == 0 ? R"("high")" : R"("normal")");
        },
        line);
    wait_for_rows(to, who.key, line);
    database store{here.of().admin_dsn};
    line.tell("vacuum analyze");
    store.ask("vacuum analyze read.task");
    const pgbench floor{here.of(),
                        statement_of_page(*store.ask_one("select tenant_id::text from read.task limit 1")->front())};
    int deep = 0;
    const auto deep_target = go_deep(to, who.key, deep, line);

    client by{to, given.connections};
    const auto page_of = [&](const std::string& target) {
        return by.run(std::chrono::duration<double>{slice_seconds},
                      [&] { return rendered(to, "GET", target, who.key); });
    };
    page_of(first_page);
    pages first, last;
    double floor_per_s = 0;
    int slices = 0;
    for (double spent = 0; spent < given.seconds && !stop_asked(); spent += 3 * slice_seconds, ++slices)
    {
        floor_per_s += floor.per_second();
        first.add(page_of(first_page));
        last.add(page_of(deep_target));
        line.tell("pages " + std::to_string(static_cast<int>(first.per_second / (slices + 1))) + "/s");
    }
    report made;
    made.name = "list";
    made.under = here.measured();
    made.under.rows = rows;
    made.under.seconds = given.seconds;
    made.under.connections = given.connections;
    made.under.variant = "pages of 50 of the tasks of one priority, the first and number " + std::to_string(deep);
    made.found = {{"pages_per_s", first.per_second / slices},
                  {"p50_ms", quantile(first.took_ms, 0.5)},
                  {"p99_ms", quantile(first.took_ms, 0.99)},
                  {"deep_pages_per_s", last.per_second / slices},
                  {"deep_of_first", last.per_second / first.per_second}};
    made.floor = {{"pgbench_per_s", floor_per_s / slices}};
    made.ratio = first.per_second / floor_per_s;
    return made;
}
}  // namespace cli::bench
