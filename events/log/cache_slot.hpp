// A directory for one process's cache: the first numbered one below a place that nobody else has.
//
// Held by flock until the object goes, so a process that was killed leaves its slot, and what lies in it, to the next.
// Throws std::runtime_error when all are taken or none can be made.
#pragma once

#include <filesystem>

namespace event_log
{
class cache_slot
{
public:
    explicit cache_slot(const std::filesystem::path& below, int slots_max = 64);
    ~cache_slot();
    cache_slot(const cache_slot&) = delete;
    cache_slot& operator=(const cache_slot&) = delete;

    const std::filesystem::path& directory() const { return directory_; }

private:
    int lock_ = -1;
    std::filesystem::path directory_;
};
}  // namespace event_log
