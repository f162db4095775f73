// Finished rows on disk, in the order in which they were made: what a COPY will send, without what it takes to find a
// row again. For rows of which each is written once and sent once, as those of the appended kind in a rebuild: a
// scratch store that sorts them costs as much as folding them.
//
// The file has no name: it goes with the object, and with the process however that ends. Throws `cache_broken` when
// there is no room, or the disk fails; the spool is of no use then. One thread appends; once it is done, several may
// read, each with a `reading` of its own, which the spool outlives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace projection
{
// Rows one behind the other, as they lie in a spool. Made by any thread.
class line_block
{
public:
    // The fields of one row, as `wire::fields` writes them; fewer than 2^32 bytes.
    void add(std::string_view fields);

    std::uint64_t rows() const { return rows_; }

private:
    friend class line_spool;
    std::string bytes_;
    std::uint64_t rows_ = 0;
};

class line_spool
{
public:
    static constexpr std::size_t read_bytes = 256 * 1024;  // at once

    // `directory` exists.
    explicit line_spool(const std::filesystem::path& directory);
    ~line_spool();
    line_spool(const line_spool&) = delete;
    line_spool& operator=(const line_spool&) = delete;

    void append(const line_block&);

    std::uint64_t rows() const { return rows_; }

    // From the first row to the last.
    class reading
    {
    public:
        explicit reading(const line_spool& of) : of_(of) {}

        // False: that was all. `fields` is valid until the next call.
        bool next(std::string_view& fields);

    private:
        bool has(std::size_t bytes);

        const line_spool& of_;
        std::string block_;
        std::size_t at_ = 0;        // in the block
        std::uint64_t behind_ = 0;  // in the file
    };

private:
    const std::filesystem::path directory_;
    int file_ = -1;
    std::uint64_t rows_ = 0;
};
}  // namespace projection
