#include "tests/kit/process.hpp"

#include "tests/kit/keeper.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <grp.h>
#include <pwd.h>
#include <sstream>
#include <stdexcept>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

extern char** environ;

namespace kit
{
namespace
{
std::string contents(const std::filesystem::path& path)
{
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return std::move(text).str();
}

[[noreturn]] void fail(const std::string& what)
{
    throw std::system_error(errno, std::generic_category(), what);
}

std::vector<std::string> environment_with(const std::map<std::string, std::string>& changes)
{
    std::vector<std::string> all;
    for (char** entry = environ; *entry != nullptr; ++entry)
    {
        const std::string text = *entry;
        if (!changes.contains(text.substr(0, text.find('='))))
            all.push_back(text);
    }
    for (const auto& [name, value] : changes)
        if (!value.empty())
            all.push_back(name + "=" + value);
    return all;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts)
{
    std::vector<char*> pointers;
    pointers.reserve(texts.size() + 1);
    for (std::string& text : texts)
        pointers.push_back(text.data());
    pointers.push_back(nullptr);
    return pointers;
}
}  // namespace

process::process(launch what)
    : output_(what.output.empty() ? files_.path() / "output" : what.output)
    , errors_(what.errors.empty() ? files_.path() / "errors" : what.errors)
{
    // Everything that allocates comes before the fork: afterwards only plain system calls are safe.
    std::vector<std::string> arguments{what.program.string()};
    arguments.insert(arguments.end(), what.arguments.begin(), what.arguments.end());
    std::vector<std::string> environment = environment_with(what.environment);
    const std::vector<char*> argv = pointers_to(arguments);
    const std::vector<char*> envp = pointers_to(environment);
    const std::string directory = what.directory.string();

    uid_t uid = 0;
    gid_t gid = 0;
    const bool as_other_user = !what.user.empty() && ::geteuid() == 0;
    if (as_other_user)
    {
        const passwd* user = ::getpwnam(what.user.c_str());
        if (user == nullptr)
            throw std::runtime_error("no user " + what.user);
        uid = user->pw_uid;
        gid = user->pw_gid;
    }

    const int out = ::open(output_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    const int err = ::open(errors_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    const int in = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    std::array<int, 2> report{};  // closed by a successful exec, else carries errno
    if (out < 0 || err < 0 || in < 0 || ::pipe2(report.data(), O_CLOEXEC) != 0)
        fail("files of " + arguments[0]);

    pid_ = ::fork();
    if (pid_ == 0)
    {
        ::setpgid(0, 0);
        ::dup2(in, STDIN_FILENO);
        ::dup2(out, STDOUT_FILENO);
        ::dup2(err, STDERR_FILENO);
        ::signal(SIGPIPE, SIG_DFL);
        sigset_t none;
        ::sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        const bool is_user =
            !as_other_user || (::setgroups(0, nullptr) == 0 && ::setgid(gid) == 0 && ::setuid(uid) == 0);
        if (is_user && (directory.empty() || ::chdir(directory.c_str()) == 0))
            ::execve(argv[0], argv.data(), envp.data());
        const int reason = errno;
        [[maybe_unused]] const ssize_t ignored = ::write(report[1], &reason, sizeof reason);
        ::_exit(127);
    }
    ::close(out);
    ::close(err);
    ::close(in);
    ::close(report[1]);
    if (pid_ < 0)
    {
        ::close(report[0]);
        fail("fork for " + arguments[0]);
    }
    int reason = 0;
    const bool failed = ::read(report[0], &reason, sizeof reason) > 0;
    ::close(report[0]);
    if (failed)
    {
        ::waitpid(pid_, nullptr, 0);
        throw std::system_error(reason, std::generic_category(), "cannot run " + arguments[0]);
    }
    keep_process(pid_, what.last_signal);
}

process::~process()
{
    if (running())
    {
        ::kill(-pid_, SIGKILL);
        ::kill(pid_, SIGKILL);
        wait();
    }
}

bool process::running()
{
    return !wait(milliseconds{0});
}

void process::kill(int signal)
{
    if (!ended_)
        ::kill(pid_, signal);
}

std::optional<ending> process::wait(milliseconds deadline)
{
    if (ended_)
        return ended_;
    eventually(
        [&] {
            int status = 0;
            if (::waitpid(pid_, &status, WNOHANG) != pid_)
                return false;
            ended_ = WIFSIGNALED(status) ? ending{-1, WTERMSIG(status)} : ending{WEXITSTATUS(status), 0};
            release_process(pid_);
            return true;
        },
        deadline);
    return ended_;
}

std::string process::output() const
{
    return contents(output_);
}

std::string process::errors() const
{
    return contents(errors_);
}

finished run(launch what, milliseconds deadline)
{
    const std::string name = what.program.filename().string();
    process child(std::move(what));
    const auto end = child.wait(deadline);
    if (!end)
        throw std::runtime_error(name + " still ran after " + std::to_string(deadline.count()) + " ms\n" +
                                 child.errors());
    return {*end, child.output(), child.errors()};
}

std::vector<pid_t> children_of(pid_t parent)
{
    std::vector<pid_t> children;
    for (const auto& entry : std::filesystem::directory_iterator("/proc"))
    {
        const std::string name = entry.path().filename().string();
        pid_t pid = 0;
        if (std::from_chars(name.data(), name.data() + name.size(), pid).ptr != name.data() + name.size())
            continue;
        // "pid (name, which may hold anything) state ppid …"
        const std::string stat = contents(entry.path() / "stat");
        const auto after_name = stat.rfind(')');
        if (after_name == std::string::npos)
            continue;
        std::istringstream rest(stat.substr(after_name + 1));
        std::string state;
        pid_t ppid = 0;
        if (rest >> state >> ppid && ppid == parent)
            children.push_back(pid);
    }
    return children;
}
}  // namespace kit
