// Fault points fire once, where and when they are asked to; a broken assertion says where and ends the process.
#include "schemas/assertion.hpp"
#include "schemas/fault_point.hpp"
#include "tests/kit/paths.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

using schema::fault_plan;

namespace
{
std::string content(const std::filesystem::path& file)
{
    std::ifstream in{file};
    return {std::istreambuf_iterator<char>{in}, {}};
}

// Runs in a child process and returns how that ended; its stderr goes to `errors`.
int ending_of(const std::filesystem::path& errors, const std::function<void()>& work)
{
    const pid_t child = ::fork();
    if (child == 0)
    {
        std::signal(SIGABRT, SIG_DFL);
        if (!std::freopen(errors.c_str(), "w", stderr))
            ::_exit(99);
        work();
        ::_exit(0);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return status;
}
}  // namespace

TEST_CASE("an error fires at the nth hit of its point only, and the log shows that it did")
{
    const kit::temporary_directory files;
    const auto log = files.path() / "log";
    fault_plan plan{"b:error:2", log.string(), ""};
    plan.reach("a");
    plan.reach("b");
    CHECK(content(log).empty());
    CHECK_THROWS_AS(plan.reach("b"), std::runtime_error);
    plan.reach("b");
    CHECK(content(log) == "b\n");
}

TEST_CASE("an unknown outcome has its own exception, a delay returns, and a plan without a fault does nothing")
{
    fault_plan unknown{"a:unknown", "", ""};
    CHECK_THROWS_AS(unknown.reach("a"), schema::fault_unknown);
    fault_plan delay{"a:delay=1", "", ""};
    CHECK_NOTHROW(delay.reach("a"));
    fault_plan none{"", "", ""};
    CHECK_NOTHROW(none.reach("a"));
    CHECK_NOTHROW(none.reach(""));
}

TEST_CASE("a trace names every point once, in the order in which they were first reached")
{
    const kit::temporary_directory files;
    const auto trace = files.path() / "trace";
    fault_plan plan{"", "", trace.string()};
    for (const auto* name : {"one", "two", "one", "three", "two"})
        plan.reach(name);
    CHECK(content(trace) == "one\ntwo\nthree\n");
}

TEST_CASE("a kill ends the process as SIGKILL is reported, with the log already written")
{
    const kit::temporary_directory files;
    const auto log = files.path() / "log";
    const int status = ending_of(files.path() / "errors", [&] {
        fault_plan plan{"a:kill", log.string(), ""};
        plan.reach("a");
    });
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 137);
    CHECK(content(log) == "a\n");
}

TEST_CASE("a broken assertion prints its expression and place and aborts")
{
    const kit::temporary_directory files;
    const auto errors = files.path() / "errors";
    const int version = 2;
    const int status = ending_of(errors, [&] { CF_ASSERT(version == 1); });
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGABRT);
    CHECK(content(errors).find("assertion failed: version == 1 at ") != std::string::npos);
    CF_ASSERT(version == 2);
}
