#include "tests/kit/keeper.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <mutex>
#include <string>
#include <system_error>
#include <unistd.h>

namespace kit
{
namespace
{
// One line for each registration. When the lines end, so has the test program.
constexpr const char* script = R"(
trap '' INT TERM HUP
processes=' '
directories=' '
while read -r verb value signal; do
    case $verb in
        process)     processes="$processes$value:$signal " ;;
        -process)    processes=$(printf '%s' "$processes" | sed "s/ $value:[A-Z]* / /") ;;
        directory)   directories="$directories$value " ;;
        -directory)  directories="${directories%% $value *} ${directories#* $value }" ;;
    esac
done
for p in $processes; do
    pid=${p%%:*}
    kill -CONT "$pid" $(pgrep -P "$pid") 2>/dev/null
    kill -"${p#*:}" "$pid" 2>/dev/null
done
for p in $processes; do
    tries=0
    while kill -0 "${p%%:*}" 2>/dev/null && [ $tries -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
    kill -KILL "${p%%:*}" 2>/dev/null
done
for d in $directories; do
    rm -rf -- "$d"
done
)";

void tell(const std::string& line)
{
    static std::mutex mutex;
    static int pipe_end = -1;

    const std::scoped_lock lock(mutex);
    if (pipe_end < 0)
    {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0)
            throw std::system_error(errno, std::generic_category(), "pipe of the keeper");
        const pid_t child = ::fork();
        if (child < 0)
            throw std::system_error(errno, std::generic_category(), "fork of the keeper");
        if (child == 0)
        {
            ::setsid();
            ::dup2(ends[0], STDIN_FILENO);
            const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
            ::dup2(null, STDOUT_FILENO);
            ::dup2(null, STDERR_FILENO);
            ::execl("/bin/sh", "sh", "-c", script, "test-keeper", nullptr);
            ::_exit(127);
        }
        ::close(ends[0]);
        pipe_end = ends[1];
    }
    if (::write(pipe_end, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
        throw std::system_error(errno, std::generic_category(), "write to the keeper");
}
}  // namespace

void keep_process(pid_t pid, std::string_view signal)
{
    tell("process " + std::to_string(pid) + " " + std::string(signal) + "\n");
}

void release_process(pid_t pid)
{
    tell("-process " + std::to_string(pid) + "\n");
}

void keep_directory(const std::filesystem::path& path)
{
    tell("directory " + path.string() + "\n");
}

void release_directory(const std::filesystem::path& path)
{
    tell("-directory " + path.string() + "\n");
}
}  // namespace kit
