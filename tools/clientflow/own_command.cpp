// See own_command.hpp.
#include "tools/clientflow/own_command.hpp"

#include "schemas/json.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace cli
{
namespace
{
using steady = std::chrono::steady_clock;

constexpr const char* this_program = "/proc/self/exe";  // also when the file was replaced meanwhile

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

void keep_beginning(heard& of, std::size_t bytes_max)
{
    of.is_too_large = of.is_too_large || of.answer.size() > bytes_max;
    of.answer.resize(std::min(of.answer.size(), bytes_max));
}

void keep_end(std::string& of, std::size_t bytes_max) { of.erase(0, of.size() - std::min(of.size(), bytes_max)); }
}  // namespace

descriptor::descriptor(descriptor&& from) noexcept : fd_(std::exchange(from.fd_, -1)) {}

descriptor& descriptor::operator=(descriptor&& from) noexcept
{
    std::swap(fd_, from.fd_);
    return *this;
}

descriptor::~descriptor()
{
    if (fd_ >= 0)
        ::close(fd_);
}

own_command begin_own_command(const std::vector<std::string>& words)
{
    auto [out, out_of_child] = make_pipe();
    auto [errors, errors_of_child] = make_pipe();
    own_command made{0, std::move(out), std::move(errors)};
    made.child = spawn(words, out_of_child, errors_of_child);
    return made;
}

heard hear_out(const own_command& of, const hearing_bounds& within, const std::function<void(int)>& signal)
{
    heard made;
    std::optional<steady::time_point> due;
    if (within.time_max)
        due = steady::now() + *within.time_max;
    std::array<pollfd, 2> both{{{of.out.get(), POLLIN, 0}, {of.errors.get(), POLLIN, 0}}};
    while (both[0].fd >= 0 || both[1].fd >= 0)
    {
        if (due && steady::now() >= *due)
        {
            signal(made.is_too_long ? SIGKILL : SIGTERM);
            due = made.is_too_long ? std::nullopt : std::optional{steady::now() + within.patience};
            made.is_too_long = true;
        }
        if (::poll(both.data(), both.size(), due ? milliseconds_until(*due) : -1) <= 0)
            continue;
        if (both[0].revents != 0 && !read_some(of.out, made.answer))
            both[0].fd = -1;
        if (both[1].revents != 0 && !read_some(of.errors, made.errors))
            both[1].fd = -1;
        keep_beginning(made, within.answer_bytes_max);
        keep_end(made.errors, within.errors_bytes_max);
    }
    return made;
}

std::optional<std::string> document_in(std::string_view text)
{
    const auto end = text.find_last_not_of('\n');
    const auto trimmed = text.substr(0, end == std::string_view::npos ? 0 : end + 1);
    schema::json::document parsed;
    return !trimmed.empty() && parsed.parse(trimmed) ? std::optional<std::string>{trimmed} : std::nullopt;
}

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
}  // namespace cli
