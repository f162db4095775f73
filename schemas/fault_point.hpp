// Places where a test may make the process die, fail or stall, to see what a restart finds.
//
// FAULT_POINT("append.before_commit") stands at every boundary of a commit. Without CLIENTFLOW_FAULT_POINTS, which only
// test builds define, it is nothing at all. With it, the environment decides, read once at the first point reached:
//
//     CLIENTFLOW_FAULT        name:kind[:nth]   fires at the nth time (default 1) that the point `name` is reached
//     CLIENTFLOW_FAULT_LOG    a file; the name of every fault that fired is appended, a line each
//     CLIENTFLOW_FAULT_TRACE  a file; the name of every point reached is appended once, a line each
//
// Kinds: `kill` ends the process at once with status 137; `error` throws std::runtime_error; `unknown` throws
// fault_unknown, an answer that was lost; `delay=250` sleeps that many milliseconds. A driver runs once with a trace,
// then once per point and kind, raising nth until the log stays empty: no such point is hit any more.
// Points may be reached by any thread.
#pragma once

#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>

namespace schema
{
// The work may have been done and nobody can tell: what a connection lost in mid-commit looks like.
struct fault_unknown : std::runtime_error
{
    using runtime_error::runtime_error;
};

// What shall happen where, and what was reached so far. Thread-safe.
class fault_plan
{
public:
    // The three variables' values; each may be empty.
    fault_plan(std::string_view asked, std::string log_file, std::string trace_file);

    void reach(std::string_view name);

private:
    std::string name_;
    std::string kind_;
    long nth_ = 1;
    std::string log_file_;
    std::string trace_file_;

    std::mutex guard_;  // of what follows
    long hits_ = 0;
    std::set<std::string, std::less<>> traced_;
};

void reach_fault_point(std::string_view name);  // of the plan that the environment holds
}  // namespace schema

#ifdef CLIENTFLOW_FAULT_POINTS
#define FAULT_POINT(name) ::schema::reach_fault_point(name)
#else
#define FAULT_POINT(name) static_cast<void>(0)
#endif
