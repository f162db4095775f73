// A log played through the API with the server killed in the middle: the load goes on by itself, and every figure of
// the read models agrees with the independent count in the end.
#include "tests/kit/cluster.hpp"
#include "tests/kit/eventually.hpp"
#include "tests/kit/paths.hpp"
#include "tests/kit/process.hpp"

#include <doctest/doctest.h>

#include <array>
#include <csignal>
#include <fstream>

namespace
{
// A small log with everything the real one has: reopened tickets, moves, changed priorities, ties, exact duplicates.
void write_log(const std::filesystem::path& file, int tickets)
{
    std::ofstream out{file};
    out << "case,at,activity,agent,customer,product,priority,service_level,workgroup\n";
    const std::array<const char*, 9> course{
        "Assign seriousness",    "Take in charge ticket", "Wait",   "Create SW anomaly", "Resolve ticket",
        "Take in charge ticket", "Resolve ticket",        "Closed", "VERIFIED"};
    for (std::size_t step = 0; step < course.size(); ++step)
        for (int ticket = 0; ticket < tickets; ++ticket)
        {
            const bool ends_early = ticket % 3 == 0 && step > 6;
            const bool never_verified = ticket % 5 != 0 && step == 8;
            if (ends_early || never_verified)
                continue;
            const int customer = (ticket % 7 == 0 && step > 3) ? ticket % 11 + 1 : ticket % 11;
            const auto row = "Case " + std::to_string(ticket) + ",2012-0" + std::to_string(step + 1) +
                             "-15T08:00:00Z," + course[step] + ",Agent " +
                             std::to_string((ticket + static_cast<int>(step)) % 4) + ",Customer " +
                             std::to_string(customer) + ",Product " + std::to_string(ticket % 3) + ",Priority " +
                             std::to_string(1 + (step > 4 ? 1 : 0)) + ",Level 2,Group 1\n";
            out << row;
            if (ticket % 13 == 0)
                out << row;
        }
}

std::string member(const std::string& json, const std::string& name)
{
    const auto key = '"' + name + "\":";
    const auto at = json.find(key);
    if (at == std::string::npos)
        return {};
    const auto begin = json.find_first_not_of(" \"", at + key.size());
    return json.substr(begin, json.find_first_of("\",}", begin) - begin);
}

std::string build_dir() { return kit::program("clientflow").parent_path().parent_path().string(); }

kit::finished up(const std::filesystem::path& data, std::vector<std::string> words)
{
    words.insert(words.end(), {"--data", data.string(), "--build-dir", build_dir(), "--no-build"});
    kit::launch what;
    what.program = kit::source_root() / "tools/up";
    what.arguments = std::move(words);
    return kit::run(std::move(what), kit::milliseconds{120'000});
}

struct stopped_at_the_end
{
    const std::filesystem::path& data;
    ~stopped_at_the_end() { up(data, {"--stop"}); }
};
}  // namespace

TEST_CASE("a load whose server is killed in the middle goes on and agrees with the independent count")
{
    const kit::temporary_directory room;
    const stopped_at_the_end guard{room.path()};
    const auto csv = room.path() / "log.csv";
    write_log(csv, 60);
    const auto port = std::to_string(kit::free_port());
    const auto first = up(room.path(), {"--detach", "--json", "--port", port});
    REQUIRE_MESSAGE(first.end.exit_code == 0, first.errors);

    kit::launch what;
    what.program = kit::program("clientflow-load");
    what.arguments = {"--csv", csv.string(), "--data", room.path().string(), "--json", "--rate", "200"};
    kit::process load{what};
    const auto written = room.path() / "load";
    REQUIRE(kit::eventually([&] { return std::filesystem::exists(written) && !std::filesystem::is_empty(written); }));
    CHECK(load.running());
    ::kill(std::stoi(member(first.output, "pid")), SIGKILL);
    const auto second = up(room.path(), {"--detach", "--json", "--port", port});
    REQUIRE_MESSAGE(second.end.exit_code == 0, second.errors);

    const auto ended = load.wait(kit::milliseconds{120'000});
    REQUIRE(ended);
    CHECK_MESSAGE(ended->exit_code == 0, load.output() << load.errors());
    CHECK(std::stoi(member(load.output(), "repeated")) > 0);

    SUBCASE("played again from the first row, everything is answered from receipts and nothing changes")
    {
        what.arguments = {"--csv", csv.string(), "--data", room.path().string(), "--json", "--restart"};
        const auto again = kit::run(what, kit::milliseconds{120'000});
        CHECK_MESSAGE(again.end.exit_code == 0, again.output << again.errors);
        CHECK(member(again.output, "answered") == member(again.output, "replayed"));
    }
    SUBCASE("a log that says something else is a difference, and exit status 6 says so")
    {
        std::ofstream{csv, std::ios::app} << "Case 1,2013-01-01T00:00:00Z,Wait,Agent 1,Customer 1,Product 1,Priority "
                                             "1,Level 2,Group 1\n";
        what.arguments = {"--csv",  csv.string(),     "--data",   room.path().string(),
                          "--json", "--compare-only", "--settle", "0"};
        const auto other = kit::run(what, kit::milliseconds{60'000});
        CHECK(other.end.exit_code == 6);
        CHECK(other.output.find("tasks by status") != std::string::npos);
    }
}
