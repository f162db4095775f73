// Rows that are written once and sent once: all of them, in order, whatever their size, and nothing left behind.
#include "projections/runner/line_spool.hpp"
#include "tests/kit/paths.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

using projection::line_block;
using projection::line_spool;

namespace
{
std::vector<std::string> all_of(const line_spool& spool)
{
    std::vector<std::string> found;
    line_spool::reading from{spool};
    for (std::string_view fields; from.next(fields);)
        found.emplace_back(fields);
    return found;
}

// Empty ones, ones around what is read at once, and one that needs several reads.
std::vector<std::string> rows_of_every_size()
{
    std::vector<std::string> made;
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, line_spool::read_bytes - 4, line_spool::read_bytes,
                                   line_spool::read_bytes + 1, 3 * line_spool::read_bytes, std::size_t{0}})
        made.emplace_back(size, static_cast<char>('a' + made.size()));
    for (int n = 0; n < 5'000; ++n)
        made.push_back(std::to_string(n));
    return made;
}
}  // namespace

TEST_CASE("a spool gives back every row in the order in which it came, to each who reads")
{
    const kit::temporary_directory room;
    line_spool spool{room.path()};
    const auto rows = rows_of_every_size();
    for (std::size_t i = 0; i < rows.size();)
    {
        line_block block;
        for (const auto end = std::min(rows.size(), i + 100); i < end; ++i)
            block.add(rows[i]);
        spool.append(block);
    }

    CHECK(spool.rows() == rows.size());
    const bool is_same = all_of(spool) == rows, is_same_again = all_of(spool) == rows;
    CHECK(is_same);
    CHECK(is_same_again);
}

TEST_CASE("a spool that got nothing has nothing")
{
    const kit::temporary_directory room;
    line_spool spool{room.path()};
    spool.append(line_block{});
    CHECK(all_of(spool).empty());
}

TEST_CASE("a spool leaves no file behind, whoever ends it")
{
    const kit::temporary_directory room;
    line_spool spool{room.path()};
    line_block block;
    block.add("a row");
    spool.append(block);
    CHECK(std::filesystem::is_empty(room.path()));
}
