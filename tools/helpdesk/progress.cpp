// See progress.hpp.
#include "tools/helpdesk/progress.hpp"

#include <fstream>

namespace helpdesk
{
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
