// The files under schemas/emitted/: what was promised to readers of old events and to old clients, and its documents.
//
//     events/<type>.<version>.rows    a stored fact          items/<noun>.rows      an item of answers
//     commands/<command>.rows         a request's body       answers/<name>.rows    any other answer
//     openapi.json, asyncapi.json     the API, its events    each .rows beside its JSON Schema, <name>.json
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
    std::string what;                 // "missing", "differs", "no longer made", "gone", …
    std::vector<std::string> breaks;  // each begins with the member or the route it would break
};

// What stands in the folder against what would be written. Empty: nothing differs.
std::vector<drift> compare_emitted(const std::filesystem::path& folder);

bool breaks_something(const std::vector<drift>&);

// Writes what differs, also what breaks somebody: ask first. Deletes nothing. Returns the paths written.
std::vector<std::string> write_emitted(const std::filesystem::path& folder);
}  // namespace cli
