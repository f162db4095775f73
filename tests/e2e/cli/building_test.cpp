// How far a build is, as `clientflow projection list` tells it while somebody is at it.
#ifdef CLIENTFLOW_FAULT_POINTS
#include "tests/e2e/cli/session.hpp"
#include "tests/kit/eventually.hpp"
#include "tests/kit/projections/world.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <string>

using namespace projection_tests;
using cli_session::clientflow;

namespace
{
using steady = std::chrono::steady_clock;

// The object of the version that is being built, up to its end; "" while there is none.
std::string being_built(const std::string& listed)
{
    const auto at = listed.find(R"("state":"building")");
    return at == std::string::npos ? "" : listed.substr(at, listed.find("]}", at) - at);
}

// NaN when it is not there, or null.
double number(const std::string& json, const std::string& name)
{
    const auto at = json.find('"' + name + "\":");
    const auto text = at == std::string::npos ? "null" : json.substr(at + name.size() + 3);
    return text.starts_with("null") ? std::nan("") : std::stod(text);
}
}  // namespace

TEST_CASE("a build in mid-way is listed with what it has folded, how fast, how long it still takes, and its lanes")
{
    world in;
    random_history(in, 59, {4, 1'200});
    const auto events = std::stod(in.db.run("select count(*) from es.event"));
    const std::vector<std::string> at{"--data", in.room.path().string(), "--dsn", in.db.dsn("postgres")};
    const auto list = [&](const char* form) {
        std::vector<std::string> words{"projection", "list"};
        words.insert(words.end(), at.begin(), at.end());
        if (form != nullptr)
            words.emplace_back(form);
        return clientflow(words).output;
    };

    // Held when its second lane is folded.
    const auto begun = steady::now();
    kit::launch how{.program = kit::program("clientflow"),
                    .arguments = {"projection", "rebuild", "task"},
                    .environment = {{"CLIENTFLOW_FAULT", "rebuild.lane_folded:delay=600000:2"}}};
    how.arguments.insert(how.arguments.end(), at.begin(), at.end());
    kit::process builder{how};
    std::string told;
    kit::await(
        "the first lane is there",
        [&] {
            told = being_built(list("--json"));
            return told.find(R"("lanes":[{)") != std::string::npos;
        },
        kit::milliseconds{60'000});
    const double elapsed = std::chrono::duration<double>(steady::now() - begun).count();

    CAPTURE(told);
    const double folded = number(told, "events"), mark = number(told, "mark");
    CHECK(folded > 0);
    CHECK(folded <= mark);
    CHECK(mark == events);  // of all lanes, those to come as well
    const double rate = number(told, "events_per_second"), left = number(told, "seconds_left");
    CHECK(rate * elapsed >= 0.9 * folded);
    CHECK(rate < 1'000'000);
    CHECK(left >= 0);
    CHECK(std::abs(left - (mark - folded) / rate) < 0.11);  // told to a tenth
    CHECK(told.find(R"("lanes":[{"lane":0,"sequence":)" + in.db.run("select max(seq) from es.event where lane = 0")) !=
          std::string::npos);
    CHECK(told.find(R"("lane":1)") == std::string::npos);
    CHECK(list(nullptr).find(" of " + std::to_string(std::llround(mark)) + " events, ") != std::string::npos);
    builder.kill(SIGKILL);
    builder.wait();
}
#endif
