// A directory for one process's cache: the first numbered one below a place that nobody else has.
//
// Held by flock until the object goes, so a process that was killed leaves its slot, and what lies in it, to the next.
// Throws std::runtime_error when all are taken or none can be made.
#pragma once

#include <cstdint>
#include <filesystem>

namespace event_log
{
// Below this nothing is written into a cache any more. RocksDB is never to meet the disk's end itself: an append that
// finds no room leaves a writer behind whose next use is an assertion of the library as Debian builds it, and ends the
// process.
inline constexpr std::uintmax_t cache_room_min_bytes = 64 * 1024 * 1024;
bool has_cache_room(const std::filesystem::path& at) noexcept;  // true also where the disk cannot be asked

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
