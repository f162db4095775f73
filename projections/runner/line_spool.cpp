// Length, fields; length, fields; … The length is the machine's own 32 bits: no other machine reads this.
#include "projections/runner/line_spool.hpp"

#include "projections/runner/row_cache.hpp"
#include "schemas/assertion.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <limits>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace projection
{
namespace
{
using length = std::uint32_t;

[[noreturn]] void fail(const std::filesystem::path& below)
{
    throw cache_broken("rows of a rebuild cannot be kept under " + below.string() + ": " +
                       std::generic_category().message(errno));
}

int unnamed_file(const std::filesystem::path& below)
{
    std::string path = (below / "lines.XXXXXX").string();
    const int made = ::mkostemp(path.data(), O_CLOEXEC);
    if (made < 0 || ::unlink(path.c_str()) != 0)
        fail(below);
    return made;
}
}  // namespace

void line_block::add(std::string_view fields)
{
    CF_ASSERT(fields.size() <= std::numeric_limits<length>::max());
    const auto size = static_cast<length>(fields.size());
    bytes_.append(reinterpret_cast<const char*>(&size), sizeof size).append(fields);
    ++rows_;
}

line_spool::line_spool(const std::filesystem::path& directory) : directory_(directory), file_(unnamed_file(directory))
{}

line_spool::~line_spool() { ::close(file_); }

void line_spool::append(const line_block& block)
{
    expect_room(directory_);
    for (std::string_view left = block.bytes_; !left.empty();)
    {
        const auto written = ::write(file_, left.data(), left.size());
        if (written < 0 && errno != EINTR)
            fail(directory_);
        left.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
    }
    rows_ += block.rows();
}

bool line_spool::reading::next(std::string_view& fields)
{
    length size = 0;
    if (!has(sizeof size))
        return false;
    std::memcpy(&size, block_.data() + at_, sizeof size);
    const bool is_whole = has(sizeof size + size);
    CF_ASSERT(is_whole);  // nobody else has this file
    fields = std::string_view{block_}.substr(at_ + sizeof size, size);
    at_ += sizeof size + size;
    return true;
}

// That many bytes stand in the block from where we are; reads on where they do not.
bool line_spool::reading::has(std::size_t bytes)
{
    while (block_.size() - at_ < bytes)
    {
        block_.erase(0, std::exchange(at_, 0));
        const auto before = block_.size();
        block_.resize(before + read_bytes);
        const auto got = ::pread(of_.file_, block_.data() + before, read_bytes, static_cast<off_t>(behind_));
        const int why = errno;
        block_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        behind_ += static_cast<std::uint64_t>(std::max<ssize_t>(got, 0));
        if (got == 0)
            return false;
        if (got < 0 && why != EINTR)
        {
            errno = why;
            fail(of_.directory_);
        }
    }
    return true;
}
}  // namespace projection
