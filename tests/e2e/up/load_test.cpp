// A log played through the API with the server or the loader stopped in the middle: the load goes on, and every figure
// of the read models agrees with the independent count in the end.
#include "tests/kit/cluster.hpp"
#include "tests/kit/eventually.hpp"
#include "tests/kit/paths.hpp"
#include "tests/kit/process.hpp"
#include "tests/kit/ticket_log.hpp"
#include "tests/kit/wire.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <fstream>

namespace
{
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

struct given_a_site_and_a_log
{
    kit::temporary_directory room;
    stopped_at_the_end guard{room.path()};
    std::uint16_t port = kit::free_port();
    std::filesystem::path csv = room.path() / "log.csv";
    std::string api_key;

    given_a_site_and_a_log()
    {
        kit::write_ticket_log(csv, 40);
        const auto started = up(room.path(), {"--detach", "--json", "--port", std::to_string(port)});
        REQUIRE_MESSAGE(started.end.exit_code == 0, started.errors);
        api_key = member(started.output, "api_key");
    }

    kit::launch loader(std::vector<std::string> more = {}) const
    {
        kit::launch what;
        what.program = kit::program("clientflow-load");
        what.arguments = {"--csv", csv.string(), "--data", room.path().string()};
        what.arguments.insert(what.arguments.end(), more.begin(), more.end());
        return what;
    }
};

// Below this mark a tenant's load was answered; 0 while nothing was kept.
long kept_mark(const std::filesystem::path& state)
{
    if (!std::filesystem::exists(state))
        return 0;
    for (const auto& each : std::filesystem::directory_iterator{state})
        if (each.path().extension() == ".progress")
        {
            std::ifstream in{each.path()};
            std::string plan;
            long done = 0;
            in >> plan >> done;
            return done;
        }
    return 0;
}

int number(const std::string& json, const std::string& name) { return std::stoi("0" + member(json, name)); }

int times(const std::string& text, const std::string& what)
{
    int found = 0;
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
        ++found;
    return found;
}
}  // namespace

TEST_CASE("a load whose server is killed in the middle goes on and agrees with the independent count")
{
    const kit::temporary_directory room;
    const stopped_at_the_end guard{room.path()};
    const auto csv = room.path() / "log.csv";
    kit::write_ticket_log(csv, 60);
    const auto port = std::to_string(kit::free_port());
    const auto first = up(room.path(), {"--detach", "--json", "--port", port});
    REQUIRE_MESSAGE(first.end.exit_code == 0, first.errors);

    kit::launch what;
    what.program = kit::program("clientflow-load");
    what.arguments = {"--csv", csv.string(), "--data", room.path().string(), "--json", "--rate", "200"};
    kit::process load{what};
    const auto written = room.path() / "load";
    REQUIRE(kit::eventually([&] { return kept_mark(written) > 0; }));
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

        // A count of fewer rows could not agree with what stands there.
        what.arguments.insert(what.arguments.end(), {"--rows", "20"});
        const auto fewer = kit::run(what, kit::milliseconds{60'000});
        CHECK(fewer.end.exit_code == 2);
        CHECK_MESSAGE(fewer.errors.find("rows of this log already") != std::string::npos, fewer.errors);
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

TEST_CASE("a load without a key says what to give, and without a server where it looked")
{
    const kit::temporary_directory room;
    const auto csv = room.path() / "log.csv";
    kit::write_ticket_log(csv, 1);
    kit::launch what;
    what.program = kit::program("clientflow-load");
    what.arguments = {"--csv", csv.string(), "--state", room.path().string()};
    CHECK(kit::run(what).errors.find("no key to write with: give --data DIR") != std::string::npos);

    const auto nowhere = "127.0.0.1:" + std::to_string(kit::free_port());
    what.arguments.insert(what.arguments.end(),
                          {"--key", "cf_live_x", "--url", "http://" + nowhere, "--patience", "1"});
    const auto away = kit::run(what, kit::milliseconds{60'000});
    CHECK(away.end.exit_code == 5);
    CHECK_MESSAGE(away.errors.find("accepted by " + nowhere) != std::string::npos, away.errors);
    CHECK(away.errors.find("tools/up starts it") != std::string::npos);
}

TEST_CASE_FIXTURE(given_a_site_and_a_log, "a load that is interrupted ends with 130, and goes on where it was")
{
    kit::process first{loader({"--json", "--rate", "100"})};
    REQUIRE(kit::eventually([&] { return kept_mark(room.path() / "load") > 0; }));
    first.kill(SIGINT);
    const auto ended = first.wait(kit::milliseconds{30'000});
    REQUIRE(ended);
    CHECK(ended->exit_code == 130);
    CHECK(first.output().empty());
    CHECK(member(first.errors(), "code") == "interrupted");

    const auto second = kit::run(loader({"--json"}), kit::milliseconds{120'000});
    CHECK_MESSAGE(second.end.exit_code == 0, second.output << second.errors);
    const auto& told = second.output;
    CHECK(number(told, "skipped") > 0);
    CHECK(number(told, "answered") > 0);
    CHECK(number(told, "skipped") + number(told, "answered") == number(told, "writes"));
    CHECK(number(told, "compared") > 50);
    CHECK(told.find("\"differences\":[]") != std::string::npos);
    CHECK(member(told, "months_compared") == "true");

    // Where months are not compared, the answer says so.
    kit::wire line{port};
    const kit::header_list as{{"X-API-Key", api_key}, {"Content-Type", "application/json"}};
    const auto moved = line.exchange("PATCH", "/api/v1/org", as, R"({"time_zone": "Europe/Rome"})");
    REQUIRE_MESSAGE(moved.status == 200, moved.body);
    const auto text = kit::run(loader({"--compare-only"}), kit::milliseconds{60'000});
    CHECK_MESSAGE(text.end.exit_code == 0, text.output << text.errors);
    CHECK(text.output.find("created_per_month is not compared") != std::string::npos);
    CHECK(text.output.find("Europe/Rome") != std::string::npos);
    const auto json = kit::run(loader({"--compare-only", "--json"}), kit::milliseconds{60'000});
    CHECK(member(json.output, "months_compared") == "false");
    CHECK(number(json.output, "compared") < number(told, "compared"));
}

TEST_CASE_FIXTURE(given_a_site_and_a_log, "two tenants are made and loaded side by side, and each agrees on its own")
{
    const std::vector<std::string> words{"--json", "--tenants", "2", "--binary", kit::program("clientflow").string()};
    const auto both = kit::run(loader(words), kit::milliseconds{180'000});
    CHECK_MESSAGE(both.end.exit_code == 0, both.output << both.errors);
    CHECK(both.output.find("\"name\":\"helpdesk-1\"") != std::string::npos);
    CHECK(both.output.find("\"name\":\"helpdesk-2\"") != std::string::npos);
    CHECK(times(both.output, "\"differences\":[]") == 2);
    CHECK(number(both.output, "skipped") == 0);
    CHECK(number(both.output, "replayed") == 0);  // the keys of one tenant mean nothing to the other
    CHECK(number(both.output, "answered") == number(both.output, "writes"));

    const auto one = kit::run(loader({"--json", "--compare-only", "--settle", "0"}), kit::milliseconds{60'000});
    CHECK_MESSAGE(one.end.exit_code == 6, one.output);  // the demo tenant got nothing of it

    const auto again = kit::run(loader(words), kit::milliseconds{60'000});
    CHECK_MESSAGE(again.end.exit_code == 0, again.output << again.errors);
    CHECK(number(again.output, "answered") == 0);
    CHECK(number(again.output, "skipped") == number(both.output, "writes"));
}

TEST_CASE_FIXTURE(given_a_site_and_a_log, "tickets are dealt to three tenants, and each is held against its own share")
{
    const std::vector<std::string> words{"--json", "--tenants", "3", "--binary", kit::program("clientflow").string()};
    auto dealing = words;
    dealing.emplace_back("--deal");
    const auto dealt = kit::run(loader(dealing), kit::milliseconds{180'000});
    CHECK_MESSAGE(dealt.end.exit_code == 0, dealt.output << dealt.errors);
    CHECK(times(dealt.output, "\"differences\":[]") == 3);

    // Held against the whole log, none has all of it.
    auto whole = words;
    whole.insert(whole.end(), {"--compare-only", "--settle", "0"});
    const auto other = kit::run(loader(whole), kit::milliseconds{60'000});
    CHECK(other.end.exit_code == 6);
    CHECK(times(other.output, "\"differences\":[]") == 0);

    // Nor may a tenant show what was dealt to another: with two hands half of the tickets would lie elsewhere.
    auto two = words;
    two[2] = "2";
    two.insert(two.end(), {"--deal", "--compare-only", "--settle", "0"});
    const auto strange = kit::run(loader(two), kit::milliseconds{60'000});
    CHECK(strange.end.exit_code == 6);
    CHECK(strange.output.find("items of another tenant") != std::string::npos);
}

TEST_CASE_FIXTURE(given_a_site_and_a_log, "a paced load over two servers goes on by the one that is there")
{
    const auto away = "http://127.0.0.1:" + std::to_string(kit::free_port());
    const auto there = "http://127.0.0.1:" + std::to_string(port);
    const auto told = kit::run(loader({"--json", "--key", api_key, "--url", away, "--url", there, "--rate", "200"}),
                               kit::milliseconds{120'000});
    CHECK_MESSAGE(told.end.exit_code == 0, told.output << told.errors);
    CHECK(number(told.output, "answered") == number(told.output, "writes"));
    CHECK(number(told.output, "repeated") > 0);
    CHECK(told.output.find("\"differences\":[]") != std::string::npos);
}
