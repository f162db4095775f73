// See progress.hpp.
#include "tools/helpdesk/progress.hpp"

#include <algorithm>
#include <fstream>

namespace helpdesk
{
namespace
{
std::filesystem::path rows_file(std::filesystem::path progress_file) { return progress_file.replace_extension("rows"); }
}  // namespace

std::size_t rows_given(const std::filesystem::path& progress_file, const std::string& task)
{
    std::ifstream in{rows_file(progress_file)};
    std::string log;
    std::size_t rows = 0;
    std::size_t most = 0;
    while (in >> log >> rows)
        if (log == task)
            most = std::max(most, rows);
    return most;
}

void note_rows_given(const std::filesystem::path& progress_file, const std::string& task, std::size_t rows)
{
    if (rows_given(progress_file, task) < rows)
        std::ofstream{rows_file(progress_file), std::ios::app} << task << ' ' << rows << '\n';
}

progress read_progress(const std::filesystem::path& file, std::uint64_t plan)
{
    progress found;
    std::ifstream in{file};
    if (!(in >> found.plan >> found.done) || found.plan != plan)
        return {plan, 0, {}};
    in >> found.last_position;
    return found;
}

void write_progress(const std::filesystem::path& file, const progress& now)
{
    auto next = file;
    next += ".next";
    {
        std::ofstream out{next, std::ios::trunc};
        out << now.plan << ' ' << now.done << ' ' << now.last_position << '\n';
    }
    std::filesystem::rename(next, file);
}
}  // namespace helpdesk
