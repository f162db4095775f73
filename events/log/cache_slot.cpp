#include "events/log/cache_slot.hpp"

#include <fcntl.h>
#include <stdexcept>
#include <string>
#include <sys/file.h>
#include <system_error>
#include <unistd.h>

namespace event_log
{
bool has_cache_room(const std::filesystem::path& at) noexcept
{
    std::error_code trouble;
    const auto free = std::filesystem::space(at, trouble).available;
    return trouble || free >= cache_room_min_bytes;
}

cache_slot::cache_slot(const std::filesystem::path& below, int slots_max)
{
    for (int n = 0; n < slots_max; ++n)
    {
        const auto candidate = below / std::to_string(n);
        std::filesystem::create_directories(candidate);
        lock_ = ::open((candidate / "taken").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
        if (lock_ >= 0 && ::flock(lock_, LOCK_EX | LOCK_NB) == 0)
        {
            directory_ = candidate;
            return;
        }
        if (lock_ >= 0)
            ::close(lock_);
    }
    throw std::runtime_error("no free cache directory under " + below.string());
}

cache_slot::~cache_slot() { ::close(lock_); }
}  // namespace event_log
