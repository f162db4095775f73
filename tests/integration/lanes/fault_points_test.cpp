// Breaks a process of lane writers at every named point, every time the point is reached, in every way, until no point
// is hit any more; then a healthy process repeats the same requests. Whatever was answered before is true, whatever was
// not is done once; of an atomic batch all is there, or nothing.
#ifdef CLIENTFLOW_FAULT_POINTS

#include "tests/kit/lanes/load.hpp"
#include "tests/kit/process.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace
{
using kit::op_log;
using kit::told;

constexpr int batches = 2;
constexpr int commands_per_batch = 4;

std::string environment(const char* name)
{
    const char* value = std::getenv(name);
    return value ? value : "";
}

std::vector<std::string> lines_of(const std::filesystem::path& file)
{
    std::vector<std::string> lines;
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);)
        lines.push_back(line);
    return lines;
}

// One run of the child: the same requests each time, with the same keys.
struct breakage
{
    kit::site& site;
    schema::uuid tenant;
    std::string name;
    bool together;  // the commands of a batch as one, all or none
    std::vector<schema::uuid> ids;
    kit::temporary_directory room;
    op_log log;

    breakage(kit::site& where, const schema::uuid& whose, std::string called, bool as_batches)
        : site(where), tenant(whose), name(std::move(called)), together(as_batches), log(name)
    {
        for (int i = 0; i < batches * commands_per_batch; ++i)
            ids.push_back(site.new_id());
    }

    // Whether the fault fired.
    bool run(const std::string& fault)
    {
        std::string asked, marks;
        for (std::size_t i = 0; i < ids.size(); ++i)
        {
            asked += ids[i].text() + ' ';
            marks += log.attempt("n" + std::to_string(i)) + ' ';
        }
        const auto answers = room.path() / "answers", fired = room.path() / "fired";
        std::filesystem::remove(answers);
        std::filesystem::remove(fired);
        kit::launch child;
        child.program = std::filesystem::read_symlink("/proc/self/exe");
        child.arguments = {"--test-case=a process that may be broken"};
        child.environment = {{"CF_CHILD_DSN", site.db().dsn()},
                             {"CF_CHILD_MASTER_KEY", site.master_key().string()},
                             {"CF_CHILD_TENANT", tenant.text()},
                             {"CF_CHILD_IDS", asked},
                             {"CF_CHILD_MARKS", marks},
                             {"CF_CHILD_ANSWERS", answers.string()},
                             {"CF_CHILD_TOGETHER", together ? "1" : ""},
                             {"CLIENTFLOW_FAULT", fault},
                             {"CLIENTFLOW_FAULT_LOG", fired.string()}};
        kit::run(std::move(child));
        for (const std::string& line : lines_of(answers))
        {
            std::istringstream in(line);
            std::string mark;
            int how = 0;
            in >> mark >> how;
            log.note(mark, static_cast<op_log::outcome>(how));
        }
        return !lines_of(fired).empty();
    }

    // Batches of which some is in the log, and some is not.
    int halves() const
    {
        int made = 0;
        for (std::size_t first = 0; first < ids.size(); first += commands_per_batch)
        {
            std::string of;
            for (std::size_t i = 0; i < commands_per_batch; ++i)
                of.append(of.empty() ? "'" : ", '").append(ids[first + i].text()).append("'");
            const auto there = site.db().run("select count(*) from es.event where stream_id in (" + of + ")");
            made += there == "0" || there == std::to_string(commands_per_batch) ? 0 : 1;
        }
        return made;
    }
};
}  // namespace

namespace
{
using note = std::function<void(std::size_t nth, const lanes::answer&)>;

// All at once, each for itself.
void ask_each(kit::office& office, std::vector<lanes::submission> commands, const note& told)
{
    std::vector<std::future<lanes::answer>> asked;
    for (lanes::submission& each : commands)
        asked.push_back(office.send(std::move(each)));
    for (std::size_t i = 0; i < asked.size(); ++i)
        told(i, asked[i].get());
}

void ask_together(kit::office& office, lanes::batch asked, const note& told)
{
    const auto all = office.ask(std::move(asked));
    for (std::size_t i = 0; i < all.size(); ++i)
        told(i, all[i]);
}
}  // namespace

TEST_CASE("a process that may be broken")
{
    if (environment("CF_CHILD_DSN").empty())
        return;  // run by the test below, in a process of its own
    kit::office office(environment("CF_CHILD_DSN"), environment("CF_CHILD_MASTER_KEY"), {}, std::chrono::seconds{5});
    const schema::uuid tenant = *schema::uuid::parse(environment("CF_CHILD_TENANT"));
    std::istringstream ids(environment("CF_CHILD_IDS")), marks(environment("CF_CHILD_MARKS"));
    std::ofstream answers(environment("CF_CHILD_ANSWERS"));
    for (int batch = 0; batch < batches; ++batch)
    {
        std::vector<std::string> marked;
        lanes::batch asked{true, {}};
        for (int i = 0; i < commands_per_batch; ++i)
        {
            std::string id;
            ids >> id;
            marks >> marked.emplace_back();
            auto create = kit::command(tenant, thing::make(tenant, {*schema::uuid::parse(id), "x"}));
            create.meta.request_id = marked.back();
            asked.commands.push_back(kit::with_key(std::move(create), id));
        }
        const auto told = [&](std::size_t nth, const lanes::answer& answer) {
            answers << marked[nth] << ' ' << static_cast<int>(kit::outcome_of(answer)) << std::endl;
        };
        if (environment("CF_CHILD_TOGETHER").empty())
            ask_each(office, std::move(asked.commands), told);
        else
            ask_together(office, std::move(asked), told);
    }
}

TEST_CASE("broken anywhere, answers are true and a repeat with the same key finishes the work")
{
    kit::site site;
    const auto office = site.open();
    const schema::uuid tenant = site.new_house(*office);
    std::map<std::string, int> fired;
    bool together = false;
    SUBCASE("commands that come alone") {}
    SUBCASE("commands in atomic batches") { together = true; }
    for (const std::string point :
         {"lanes.before_append", "lanes.after_append", "lanes.answer", "append.before_commit", "append.after_commit"})
        for (const std::string kind : {"kill", "error", "unknown"})
            for (int nth = 1;; ++nth)
            {
                std::string name = point + kind + std::to_string(nth);
                std::erase_if(name, [](char c) { return c == '.' || c == '_'; });
                breakage broken(site, tenant, name, together);
                const bool did_fire = broken.run(point + ':' + kind + ':' + std::to_string(nth));
                CHECK((!together || broken.halves() == 0));
                CHECK_FALSE(broken.run(""));
                CHECK(broken.log.count(op_log::outcome::done) >= broken.ids.size());
                for (const std::string& problem : broken.log.check(site.db()))
                    FAIL_CHECK(name << ": " << problem);
                fired[point] += did_fire ? 1 : 0;
                if (!did_fire)
                    break;
                REQUIRE(nth < 50);
            }
    for (const auto& [point, times] : fired)
        CHECK_MESSAGE(times >= 3, point);
}

#endif
