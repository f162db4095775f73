// See admin_work.hpp.
#include "tools/clientflow/admin_work.hpp"

#include "schemas/json_writer.hpp"
#include "tools/clientflow/own_command.hpp"
#include "tools/clientflow/program.hpp"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <map>
#include <mutex>
#include <optional>
#include <pthread.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <utility>

namespace cli
{
namespace
{
// As the command line writes its own.
std::string problem_of(std::string_view code, std::string_view title, const std::string& detail, int exit)
{
    std::string out;
    schema::json_writer json{out};
    json.begin_object().member("type", "/problems/" + std::string{code}).member("title", title);
    json.member("detail", detail).member("code", code).key("exit").integer(exit).end_object();
    return out;
}

int reap(pid_t child)
{
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR)
    {
    }
    return status;
}

struct run
{
    std::string command;  // "audit/completeness"
    std::string by;
    std::optional<std::chrono::milliseconds> time_max;
    schema::moment begun;
    std::optional<schema::moment> ended;
    pid_t child = 0;  // 0: reaped
    int exit = 0;
    std::optional<std::string> answer, problem;
    std::thread reaper;
};
}  // namespace

struct admin_work::implementation
{
    heard listen(const run& of, const own_command& at)
    {
        return hear_out(at, {config.answer_bytes_max, config.errors_bytes_max, of.time_max, stop_patience},
                        [&](int number) { signal(of, number); });
    }

    // Why there is no answer, where the command itself could not say so.
    std::optional<std::string> problem_with(const run& of, const heard& said) const
    {
        auto shell = of.command;
        shell.replace(shell.find('/'), 1, " ");
        const auto instead = "run `clientflow " + shell + "` on the command line" +
                             (of.command.starts_with("audit/") ? ", or ask for one tenant" : "");
        if (said.is_too_long)
            return problem_of("time_is_over", "Ended",
                              "it took longer than the " + std::to_string(config.looking_time_max.count() / 1'000) +
                                  " s that operators.looking_time_max_ms allows, and was ended: " + instead,
                              of.exit);
        if (said.is_too_large)
            return problem_of("answer_too_large", "Answer too large",
                              "the answer is larger than the " + std::to_string(config.answer_bytes_max) +
                                  " bytes that are kept here (operators.answer_bytes_max): " + instead,
                              of.exit);
        if (auto told = problem_in(said.errors))
            return told;
        if (of.exit > 128 && of.exit != interrupted)
            return problem_of("killed", "Ended", "it was ended by signal " + std::to_string(of.exit - 128), of.exit);
        return std::nullopt;
    }

    // Whom nobody hears any more must not go on for nobody.
    heard listen_or_end(const run& of, const own_command& at)
    try
    {
        return listen(of, at);
    }
    catch (const std::exception&)  // no memory for what it says
    {
        signal(of, SIGKILL);
        heard nothing;
        nothing.is_too_large = true;
        return nothing;
    }

    // Hears it out, then takes the exit status.
    void await(run& of, const own_command& at)
    {
        ::pthread_setname_np(::pthread_self(), "operator-work");
        const auto said = listen_or_end(of, at);
        siginfo_t info{};
        while (::waitid(P_PID, static_cast<id_t>(of.child), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR)
        {
        }
        const std::lock_guard lock{mutex};  // nobody signals a number that is another process's
        int status = 0;
        ::waitpid(of.child, &status, 0);
        of.child = 0;
        of.exit = exit_of(status);
        of.ended = clock.now();
        of.answer = said.is_too_large ? std::nullopt : document_in(said.answer);
        of.problem = problem_with(of, said);
        changed.notify_all();
    }

    bool is_any_at_work() const
    {
        return std::ranges::any_of(runs, [](const auto& each) { return each.second->child != 0; });
    }

    // Its whole process group, which is there as long as the child is not reaped.
    static void signal_group(const run& of, int number)
    {
        if (of.child != 0)
            ::kill(-of.child, number);
    }

    void signal(const run& of, int number)
    {
        const std::lock_guard lock{mutex};
        signal_group(of, number);
    }

    void signal_all(int number)
    {
        for (const auto& [_, each] : runs)
            signal_group(*each, number);
    }

    implementation(admin_work_config with, std::vector<std::string> given, const schema::clock& time)
        : config(with), settings(std::move(given)), clock(time)
    {}

    const admin_work_config config;
    const std::vector<std::string> settings;
    const schema::clock& clock;
    mutable std::mutex mutex;
    std::condition_variable changed;
    std::map<std::string, std::unique_ptr<run>> runs;  // by command; guarded by mutex, with what they hold
};

admin_work::admin_work(admin_work_config config, std::vector<std::string> settings, const schema::clock& clock)
    : self_(std::make_unique<implementation>(config, std::move(settings), clock))
{}

admin_work::~admin_work()
{
    {
        std::unique_lock lock{self_->mutex};
        self_->signal_all(SIGTERM);
        if (!self_->changed.wait_for(lock, stop_patience, [&] { return !self_->is_any_at_work(); }))
            self_->signal_all(SIGKILL);
    }
    for (const auto& [_, each] : self_->runs)
        each->reaper.join();
}

std::optional<admin_work::begun> admin_work::start(const std::string& command, const std::vector<std::string>& words,
                                                   const std::string& by, bound within)
{
    const std::lock_guard lock{self_->mutex};
    if (const auto held = self_->runs.find(command); held != self_->runs.end())
    {
        if (held->second->child != 0)
            return begun{held->second->by, held->second->begun};
        held->second->reaper.join();
        self_->runs.erase(held);
    }
    const auto slash = command.find('/');
    std::vector<std::string> all{"clientflow", command.substr(0, slash), command.substr(slash + 1)};
    all.insert(all.end(), words.begin(), words.end());
    all.insert(all.end(), self_->settings.begin(), self_->settings.end());
    all.insert(all.end(), {"--json", "--quiet", "--no-input"});
    auto made = std::make_unique<run>();
    made->command = command;
    made->by = by;
    if (within == bound::looking)
        made->time_max = self_->config.looking_time_max;
    made->begun = self_->clock.now();
    auto at = begin_own_command(all);
    made->child = at.child;
    try
    {
        made->reaper = std::thread{[self = self_.get(), of = made.get(), at = std::move(at)] { self->await(*of, at); }};
    }
    catch (const std::system_error&)  // no thread to keep it: it must not go on alone
    {
        ::kill(-made->child, SIGKILL);
        ::waitpid(made->child, nullptr, 0);
        throw;
    }
    self_->runs.emplace(command, std::move(made));
    return std::nullopt;
}

admin_work::told admin_work::read(const std::vector<std::string>& command, std::stop_token stopping) const
{
    std::vector<std::string> words{"clientflow"};
    words.insert(words.end(), self_->settings.begin(), self_->settings.end());
    words.insert(words.end(), {"--json", "--quiet", "--no-input"});
    words.insert(words.end(), command.begin(), command.end());
    const auto& config = self_->config;
    const auto at = begin_own_command(words);
    heard said;
    try
    {
        // Not reaped before its end, so the number is nobody else's.
        const auto signal = [&](int number) { ::kill(-at.child, number); };
        const std::stop_callback ending{stopping, [&] { signal(SIGKILL); }};
        said = hear_out(
            at, {config.answer_bytes_max, config.errors_bytes_max, config.reading_time_max, reading_patience}, signal);
    }
    catch (const std::exception&)
    {
        ::kill(-at.child, SIGKILL);
        reap(at.child);
        throw;
    }
    const int status = reap(at.child);
    auto& answer = said.answer;
    answer.resize(answer.find_last_not_of('\n') + 1);
    return {exit_of(status), std::move(answer), problem_in(said.errors), said.is_too_large, said.is_too_long};
}

const admin_work_config& admin_work::config() const { return self_->config; }

std::string admin_work::state(const std::string& command, const known& otherwise) const
{
    const std::lock_guard lock{self_->mutex};
    const auto found = self_->runs.find(command);
    const run* of = found == self_->runs.end() ? nullptr : found->second.get();
    if (of != nullptr && of->ended && otherwise.is_under_way())
        of = nullptr;  // somebody else has begun another one since
    std::string out;
    schema::json_writer json{out};
    const auto text = [&](const char* name, const std::optional<std::string>& value) {
        json.key(name);
        value ? json.string(*value) : json.null();
    };
    const auto document = [&](const char* name, const std::optional<std::string>& value) {
        json.key(name);
        value ? json.raw(*value) : json.null();
    };
    const bool is_over = of != nullptr && of->ended;
    json.begin_object().member("command", command);
    json.member("state", of == nullptr ? otherwise.state : is_over ? "ended" : "running");
    text("started_at", of == nullptr ? otherwise.started_at : std::optional{of->begun.text()});
    text("ended_at", of == nullptr ? otherwise.ended_at : is_over ? std::optional{of->ended->text()} : std::nullopt);
    text("by", of == nullptr ? std::nullopt : std::optional{of->by});
    json.key("exit");
    is_over ? json.integer(of->exit) : json.null();
    document("answer", is_over ? of->answer : std::nullopt);
    document("problem", is_over ? of->problem : std::nullopt);
    if (otherwise.versions)
        json.key("versions").raw(*otherwise.versions);
    json.end_object();
    return out;
}
}  // namespace cli
