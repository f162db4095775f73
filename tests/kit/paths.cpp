#include "tests/kit/paths.hpp"

#include "tests/kit/keeper.hpp"

#include <cerrno>
#include <stdexcept>
#include <stdlib.h>
#include <string>
#include <system_error>

namespace kit
{
std::filesystem::path source_root()
{
    return CLIENTFLOW_SOURCE_ROOT;
}

std::filesystem::path program(std::string_view name)
{
    const auto path = std::filesystem::read_symlink("/proc/self/exe").parent_path() / name;
    if (!std::filesystem::exists(path))
        throw std::runtime_error("no program " + path.string() + ": build it first");
    return path;
}

temporary_directory::temporary_directory(std::string_view prefix)
{
    std::string pattern = (std::filesystem::temp_directory_path() / prefix).string() + "-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr)
        throw std::system_error(errno, std::generic_category(), "mkdtemp " + pattern);
    path_ = pattern;
    keep_directory(path_);
}

temporary_directory::~temporary_directory()
{
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
    release_directory(path_);
}
}  // namespace kit
