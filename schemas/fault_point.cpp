#include "schemas/fault_point.hpp"

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <unistd.h>

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

// What the environment asks for, and what was reached so far.
struct plan
{
    std::mutex guard;  // of everything below
    std::string name;
    std::string kind;
    long nth = 1;
    long hits = 0;
    std::string log_file;
    std::string trace_file;
    std::set<std::string, std::less<>> traced;
};

std::string_view next_part(std::string_view& text)
{
    const std::size_t colon = text.find(':');
    const std::string_view part = text.substr(0, colon);
    text.remove_prefix(colon == text.npos ? text.size() : colon + 1);
    return part;
}

plan& the_plan()
{
    static plan* const made = [] {
        auto* read = new plan;
        std::string_view asked = variable("CLIENTFLOW_FAULT");
        read->name = next_part(asked);
        read->kind = next_part(asked);
        if (!asked.empty())
            std::from_chars(asked.data(), asked.data() + asked.size(), read->nth);
        read->log_file = variable("CLIENTFLOW_FAULT_LOG");
        read->trace_file = variable("CLIENTFLOW_FAULT_TRACE");
        return read;
    }();
    return *made;
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

void fire(std::string_view kind, const char* name)
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

void reach_fault_point(const char* name)
{
    plan& asked = the_plan();
    std::string kind;
    {
        const std::lock_guard lock{asked.guard};
        if (!asked.trace_file.empty() && asked.traced.emplace(name).second)
            append_line(asked.trace_file, name);
        if (asked.name != name || ++asked.hits != asked.nth)
            return;
        append_line(asked.log_file, name);
        kind = asked.kind;
    }
    fire(kind, name);
}
}  // namespace schema
