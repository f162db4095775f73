// See admin_work.hpp.
#include "tools/clientflow/admin_work.hpp"

#include "schemas/json.hpp"
#include "schemas/json_writer.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <csignal>
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

// A child with nothing of ours but its two outputs: no socket, no blocked signal.
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
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

    pid_t child = 0;
    const int fault = ::posix_spawn(&child, this_program, &files, &how, arguments.data(), environ);
    posix_spawnattr_destroy(&how);
    posix_spawn_file_actions_destroy(&files);
    if (fault != 0)
        throw std::system_error(fault, std::generic_category(), "posix_spawn");
    return child;
}

// Appends what there is, up to the bound. False: the end.
bool read_some(const descriptor& from, std::string& into, bool& is_cut)
{
    std::array<char, 64 * 1024> piece;
    const auto got = ::read(from.get(), piece.data(), piece.size());
    if (got <= 0)
        return got < 0 && errno == EINTR;
    const auto room = admin_work::answer_bytes_max - into.size();
    is_cut = is_cut || static_cast<std::size_t>(got) > room;
    into.append(piece.data(), std::min(room, static_cast<std::size_t>(got)));
    return true;
}

// JSON as it came, or nothing.
std::optional<std::string> document_in(std::string_view text)
{
    const auto end = text.find_last_not_of('\n');
    const auto trimmed = text.substr(0, end == std::string_view::npos ? 0 : end + 1);
    schema::json::document parsed;
    return !trimmed.empty() && parsed.parse(trimmed) ? std::optional<std::string>{trimmed} : std::nullopt;
}

// A failure is the last line of what was said.
std::optional<std::string> problem_in(std::string_view said)
{
    const auto end = said.find_last_not_of('\n');
    if (end == std::string_view::npos)
        return std::nullopt;
    const auto before = said.rfind('\n', end);
    return document_in(said.substr(before == std::string_view::npos ? 0 : before + 1));
}

int exit_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

struct run
{
    std::string by;
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
    // Reads both outputs to their ends, then takes the exit status.
    void await(run& of, descriptor out, descriptor errors)
    {
        ::pthread_setname_np(::pthread_self(), "operator-work");
        std::string answer, said;
        bool is_cut = false;
        std::array<pollfd, 2> both{{{out.get(), POLLIN, 0}, {errors.get(), POLLIN, 0}}};
        while (both[0].fd >= 0 || both[1].fd >= 0)
        {
            if (::poll(both.data(), both.size(), -1) < 0)
                continue;
            if (both[0].revents != 0 && !read_some(out, answer, is_cut))
                both[0].fd = -1;
            bool ignored = false;
            if (both[1].revents != 0 && !read_some(errors, said, ignored))
                both[1].fd = -1;
        }
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
        of.answer = is_cut ? std::nullopt : document_in(answer);
        of.problem = problem_in(said);
        changed.notify_all();
    }

    bool is_any_at_work() const
    {
        return std::ranges::any_of(runs, [](const auto& each) { return each.second->child != 0; });
    }

    void signal_all(int signal)
    {
        for (const auto& [_, each] : runs)
            if (each->child != 0)
                ::kill(each->child, signal);
    }

    implementation(std::vector<std::string> given, const schema::clock& time) : settings(std::move(given)), clock(time)
    {}

    const std::vector<std::string> settings;
    const schema::clock& clock;
    mutable std::mutex mutex;
    std::condition_variable changed;
    std::map<std::string, std::unique_ptr<run>> runs;  // by command; guarded by mutex, with what they hold
};

admin_work::admin_work(std::vector<std::string> settings, const schema::clock& clock)
    : self_(std::make_unique<implementation>(std::move(settings), clock))
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

bool admin_work::start(const std::string& command, const std::vector<std::string>& words, const std::string& by)
{
    const std::lock_guard lock{self_->mutex};
    if (const auto held = self_->runs.find(command); held != self_->runs.end())
    {
        if (held->second->child != 0)
            return false;
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
    made->by = by;
    made->begun = self_->clock.now();
    made->child = spawn(all, out_of_child, errors_of_child);
    made->reaper =
        std::thread{[self = self_.get(), of = made.get(), out = std::move(out), errors = std::move(errors)]() mutable {
            self->await(*of, std::move(out), std::move(errors));
        }};
    self_->runs.emplace(command, std::move(made));
    return true;
}

std::string admin_work::state(const std::string& command) const
{
    const std::lock_guard lock{self_->mutex};
    const auto found = self_->runs.find(command);
    const run* of = found == self_->runs.end() ? nullptr : found->second.get();
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
    json.member("state", of == nullptr ? "none" : is_over ? "ended" : "running");
    text("started_at", of == nullptr ? std::nullopt : std::optional{of->begun.text()});
    text("ended_at", is_over ? std::optional{of->ended->text()} : std::nullopt);
    text("by", of == nullptr ? std::nullopt : std::optional{of->by});
    json.key("exit");
    is_over ? json.integer(of->exit) : json.null();
    document("answer", is_over ? of->answer : std::nullopt);
    document("problem", is_over ? of->problem : std::nullopt);
    json.end_object();
    return out;
}
}  // namespace cli
