// A disk of a few megabytes that can be filled to the last byte and given room again: a tmpfs mounted over a directory.
//
// Mounting asks for rights that not everybody has: `refused()` says why it cannot be, and the test prints that and
// ends. What stood in the directory is hidden while the object lives. One thread.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

namespace kit
{
class small_disk
{
public:
    // Why no disk can be had here; nothing: it can.
    static std::optional<std::string> refused();

    // Throws std::system_error. The directory belongs to whom it belonged before.
    small_disk(std::filesystem::path at, std::size_t bytes);
    ~small_disk();
    small_disk(const small_disk&) = delete;
    small_disk& operator=(const small_disk&) = delete;

    // Not a byte is left for anybody.
    void fill();
    void free();

private:
    std::filesystem::path filler() const { return at_ / "filler"; }

    const std::filesystem::path at_;
};
}  // namespace kit
