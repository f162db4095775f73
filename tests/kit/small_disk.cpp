#include "tests/kit/small_disk.hpp"

#include "tests/kit/paths.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace kit
{
namespace
{
[[noreturn]] void fail(const std::string& what) { throw std::system_error(errno, std::generic_category(), what); }
}  // namespace

std::optional<std::string> small_disk::refused()
try
{
    const temporary_directory room;
    const small_disk tried{room.path(), 1 << 20};
    return std::nullopt;
}
catch (const std::system_error& why)
{
    return std::string{"no disk of its own: "} + why.what();
}

small_disk::small_disk(std::filesystem::path at, std::size_t bytes) : at_(std::move(at))
{
    struct stat before = {};
    if (::stat(at_.c_str(), &before) != 0)
        fail("stat " + at_.string());
    const auto how = "mode=700,size=" + std::to_string(bytes) + ",uid=" + std::to_string(before.st_uid) +
                     ",gid=" + std::to_string(before.st_gid);
    if (::mount("tmpfs", at_.c_str(), "tmpfs", 0, how.c_str()) != 0)
        fail("mount " + at_.string());
}

small_disk::~small_disk() { ::umount2(at_.c_str(), MNT_DETACH); }

void small_disk::fill()
{
    const int file = ::open(filler().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0)
        fail("open " + filler().string());
    const std::vector<char> zeros(4096);
    while (::write(file, zeros.data(), zeros.size()) > 0)
    {
    }
    const int why = errno;
    ::close(file);
    if (why != ENOSPC)
    {
        errno = why;
        fail("write " + filler().string());
    }
}

void small_disk::free() { std::filesystem::remove(filler()); }
}  // namespace kit
