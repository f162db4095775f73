#include "schemas/fault_point.hpp"

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <utility>

namespace schema
{
namespace
{
constexpr int killed_status = 137;  // what a shell reports of a process ended by SIGKILL

std::string_view variable(const char* name)
{
    const char* value = std::getenv(name);
    return value ? value : "";
}

std::string_view next_part(std::string_view& text)
{
    const std::size_t colon = text.find(':');
    const std::string_view part = text.substr(0, colon);
    text.remove_prefix(colon == text.npos ? text.size() : colon + 1);
    return part;
}

// One write of the whole line, so that lines of several processes do not mix, and a kill right after loses nothing.
void append_line(const std::string& file, std::string_view text)
{
    if (file.empty())
        return;
    const int out = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    const std::string line = std::string{text} + '\n';
    if (out < 0 || ::write(out, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
        std::fprintf(stderr, "fault point: cannot write to %s\n", file.c_str());
    if (out >= 0)
        ::close(out);
}

void fire(std::string_view kind, std::string_view name)
{
    constexpr std::string_view delay = "delay=";
    if (kind == "kill")
        ::_exit(killed_status);
    if (kind == "unknown")
        throw fault_unknown("fault: the answer at " + std::string{name} + " is lost");
    if (kind == "error")
        throw std::runtime_error("fault: " + std::string{name} + " fails");
    long delay_ms = 0;
    if (kind.starts_with(delay))
        std::from_chars(kind.data() + delay.size(), kind.data() + kind.size(), delay_ms);
    std::this_thread::sleep_for(std::chrono::milliseconds{delay_ms});
}
}  // namespace

fault_plan::fault_plan(std::string_view asked, std::string log_file, std::string trace_file)
    : name_(next_part(asked))
    , kind_(next_part(asked))
    , log_file_(std::move(log_file))
    , trace_file_(std::move(trace_file))
{
    if (!asked.empty())
        std::from_chars(asked.data(), asked.data() + asked.size(), nth_);
}

void fault_plan::reach(std::string_view name)
{
    {
        const std::lock_guard lock{guard_};
        if (!trace_file_.empty() && traced_.emplace(name).second)
            append_line(trace_file_, name);
        if (name_ != name || ++hits_ != nth_)
            return;
        append_line(log_file_, name);
    }
    fire(kind_, name);
}

void reach_fault_point(std::string_view name)
{
    static fault_plan plan{variable("CLIENTFLOW_FAULT"), std::string{variable("CLIENTFLOW_FAULT_LOG")},
                           std::string{variable("CLIENTFLOW_FAULT_TRACE")}};
    plan.reach(name);
}
}  // namespace schema
