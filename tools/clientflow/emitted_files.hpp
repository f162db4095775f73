// The files under schemas/emitted/: what was promised to readers of old events and to old clients, and its documents.
//
//     events/<type>.<version>.rows    a stored fact          items/<noun>.rows      an item of answers
//     commands/<command>.rows         a request's body       each beside its JSON Schema, <name>.json
//     openapi.json                    the API
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace cli
{
struct emitted_file
{
    std::string path;  // below the folder
    std::string text;
};

// What this program would write, by path.
std::vector<emitted_file> emitted_files();

struct drift
{
    std::string path;
    std::string what;                 // "missing", "differs", "no longer made"
    std::vector<std::string> breaks;  // each begins with the member it would break
};

// What stands in the folder against what would be written. Empty: nothing differs.
std::vector<drift> compare_emitted(const std::filesystem::path& folder);

// Writes what differs and deletes nothing. Returns the paths written.
std::vector<std::string> write_emitted(const std::filesystem::path& folder);
}  // namespace cli
