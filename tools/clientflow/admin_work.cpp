// See admin_work.hpp.
#include "tools/clientflow/admin_work.hpp"

#include "schemas/json.hpp"
#include "schemas/json_writer.hpp"
#include "tools/clientflow/program.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <map>
#include <mutex>
#include <optional>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace cli
{
namespace
{
using steady = std::chrono::steady_clock;

constexpr const char* this_program = "/proc/self/exe";  // also when the file was replaced meanwhile

class descriptor
{
public:
    explicit descriptor(int fd = -1) : fd_(fd) {}
    descriptor(descriptor&& from) noexcept : fd_(std::exchange(from.fd_, -1)) {}
    descriptor& operator=(descriptor&& from) noexcept
    {
        std::swap(fd_, from.fd_);
        return *this;
    }
    ~descriptor()
    {
        if (fd_ >= 0)
            ::close(fd_);
    }
    int get() const { return fd_; }

private:
    int fd_;
};

std::pair<descriptor, descriptor> make_pipe()
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        throw std::system_error(errno, std::generic_category(), "pipe2");
    return {descriptor{ends[0]}, descriptor{ends[1]}};
}

// A child with nothing of ours but its two outputs: no socket, no blocked signal; at the head of a process group.
pid_t spawn(const std::vector<std::string>& words, const descriptor& out, const descriptor& errors)
{
    std::vector<char*> arguments;
    for (const auto& each : words)
        arguments.push_back(const_cast<char*>(each.c_str()));  // posix_spawn leaves them as they are
    arguments.push_back(nullptr);

    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&how);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out.get(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, errors.get(), STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
    sigset_t none, standard;
    sigemptyset(&none);
    sigemptyset(&standard);
    for (const int each : {SIGINT, SIGTERM, SIGPIPE})
        sigaddset(&standard, each);
    posix_spawnattr_setsigmask(&how, &none);
    posix_spawnattr_setsigdefault(&how, &standard);
    posix_spawnattr_setpgroup(&how, 0);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);

    pid_t child = 0;
    const int fault = ::posix_spawn(&child, this_program, &files, &how, arguments.data(), environ);
    posix_spawnattr_destroy(&how);
    posix_spawn_file_actions_destroy(&files);
    if (fault != 0)
        throw std::system_error(fault, std::generic_category(), "posix_spawn");
    return child;
}

int milliseconds_until(steady::time_point due)
{
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(due - steady::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

// Appends what there is. False: the end.
bool read_some(const descriptor& from, std::string& into)
{
    std::array<char, 64 * 1024> piece;
    const auto got = ::read(from.get(), piece.data(), piece.size());
    if (got <= 0)
        return got < 0 && errno == EINTR;
    into.append(piece.data(), static_cast<std::size_t>(got));
    return true;
}

// What a command has said to its end, within bounds.
struct heard
{
    std::string answer;  // its beginning
    std::string errors;  // its end: the last line says why it failed
    bool is_too_large = false;
    bool is_too_long = false;  // it was ended for its time
};

void keep_beginning(heard& of, std::size_t bytes_max)
{
    of.is_too_large = of.is_too_large || of.answer.size() > bytes_max;
    of.answer.resize(std::min(of.answer.size(), bytes_max));
}

void keep_end(std::string& of, std::size_t bytes_max) { of.erase(0, of.size() - std::min(of.size(), bytes_max)); }

// JSON as it came, or nothing.
std::optional<std::string> document_in(std::string_view text)
{
    const auto end = text.find_last_not_of('\n');
    const auto trimmed = text.substr(0, end == std::string_view::npos ? 0 : end + 1);
    schema::json::document parsed;
    return !trimmed.empty() && parsed.parse(trimmed) ? std::optional<std::string>{trimmed} : std::nullopt;
}

// A failure is the last line that is an object; what follows it are words of whoever ends a process.
std::optional<std::string> problem_in(std::string_view said)
{
    while (!said.empty())
    {
        const auto before = said.rfind('\n');
        const auto line = said.substr(before == std::string_view::npos ? 0 : before + 1);
        if (line.starts_with('{'))
            if (auto found = document_in(line))
                return found;
        said = said.substr(0, said.size() - line.size() - (before == std::string_view::npos ? 0 : 1));
    }
    return std::nullopt;
}

int exit_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

// As the command line writes its own.
std::string problem_of(std::string_view code, std::string_view title, const std::string& detail, int exit)
{
    std::string out;
    schema::json_writer json{out};
    json.begin_object().member("type", "/problems/" + std::string{code}).member("title", title);
    json.member("detail", detail).member("code", code).key("exit").integer(exit).end_object();
    return out;
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
    // Reads both outputs to their ends. Past its time the child is asked to end, then made to.
    heard listen(const run& of, const descriptor& out, const descriptor& errors)
    {
        heard made;
        std::optional<steady::time_point> due;
        if (of.time_max)
            due = steady::now() + *of.time_max;
        std::array<pollfd, 2> both{{{out.get(), POLLIN, 0}, {errors.get(), POLLIN, 0}}};
        while (both[0].fd >= 0 || both[1].fd >= 0)
        {
            if (due && steady::now() >= *due)
            {
                signal(of, made.is_too_long ? SIGKILL : SIGTERM);
                due = made.is_too_long ? std::nullopt : std::optional{steady::now() + stop_patience};
                made.is_too_long = true;
            }
            if (::poll(both.data(), both.size(), due ? milliseconds_until(*due) : -1) <= 0)
                continue;
            if (both[0].revents != 0 && !read_some(out, made.answer))
                both[0].fd = -1;
            if (both[1].revents != 0 && !read_some(errors, made.errors))
                both[1].fd = -1;
            keep_beginning(made, config.answer_bytes_max);
            keep_end(made.errors, config.errors_bytes_max);
        }
        return made;
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

    // Hears it out, then takes the exit status.
    void await(run& of, const descriptor& out, const descriptor& errors)
    {
        ::pthread_setname_np(::pthread_self(), "operator-work");
        const auto said = listen(of, out, errors);
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
    auto [out, out_of_child] = make_pipe();
    auto [errors, errors_of_child] = make_pipe();
    auto made = std::make_unique<run>();
    made->command = command;
    made->by = by;
    if (within == bound::looking)
        made->time_max = self_->config.looking_time_max;
    made->begun = self_->clock.now();
    made->child = spawn(all, out_of_child, errors_of_child);
    try
    {
        made->reaper = std::thread{
            [self = self_.get(), of = made.get(), out = std::move(out), errors = std::move(errors)]() mutable {
                self->await(*of, std::move(out), std::move(errors));
            }};
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
