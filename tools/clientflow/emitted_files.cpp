// See emitted_files.hpp.
#include "tools/clientflow/emitted_files.hpp"

#include "commands/catalogue.hpp"
#include "events/catalogue.hpp"
#include "schemas/describe.hpp"
#include "schemas/emitted.hpp"
#include "schemas/record.hpp"
#include "tools/clientflow/api_document.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>

namespace cli
{
namespace
{
struct promise
{
    const schema::record_type* record;
    schema::compatibility how;
};

using promises = std::map<std::string, promise>;  // by path

promises all_promises()
{
    promises made;
    for (const auto& noun : event_log::catalogue())
    {
        for (const auto* fact : noun.facts)
            made.insert({"events/" + std::string{fact->name} + '.' + std::to_string(fact->version) + ".rows",
                         {fact, schema::compatibility::as_event}});
        made.insert({"items/" + std::string{noun.item->name} + ".rows", {noun.item, schema::compatibility::as_event}});
    }
    for (const auto& commands : rules::commands_catalogue())
        for (const auto* command : commands)
            made.insert(
                {"commands/" + std::string{command->name} + ".rows", {command, schema::compatibility::as_request}});
    return made;
}

std::optional<std::string> read_file(const std::filesystem::path& file)
{
    std::ifstream in{file, std::ios::binary};
    if (!in)
        return std::nullopt;
    return std::string{std::istreambuf_iterator<char>{in}, {}};
}

std::string json_path(const std::string& rows_path)
{
    return rows_path.substr(0, rows_path.size() - std::string_view{".rows"}.size()) + ".json";
}

std::string ended_by_newline(std::string text)
{
    if (!text.ends_with('\n'))
        text += '\n';
    return text;
}

std::vector<std::string> breaks_of(const promises& all, const std::string& path, const std::string& old_text)
{
    const auto found = all.find(path);
    if (found == all.end())
        return {};
    try
    {
        return schema::breaks(old_text, *found->second.record, found->second.how);
    }
    catch (const std::invalid_argument& wrong)
    {
        return {std::string{"unreadable: "} + wrong.what()};
    }
}

// A file of an older version of a fact stays: its events are still in logs.
bool is_older_version(const promises& all, const std::string& path)
{
    const std::string_view folder = "events/";
    if (!path.starts_with(folder))
        return false;
    const auto stem = path.substr(0, path.rfind('.'));      // events/task.created.1
    const auto name = stem.substr(0, stem.rfind('.') + 1);  // events/task.created.
    const auto newer = all.lower_bound(name);
    return newer != all.end() && newer->first.starts_with(name);
}
}  // namespace

std::vector<emitted_file> emitted_files()
{
    std::vector<emitted_file> made;
    for (const auto& [path, what] : all_promises())
    {
        const auto as = path.starts_with("commands/") ? schema::described_as::request : schema::described_as::answer;
        made.push_back({path, schema::emit(*what.record)});
        made.push_back({json_path(path), ended_by_newline(schema::json_schema(*what.record, as))});
    }
    made.push_back({"openapi.json", ended_by_newline(api_document())});
    std::sort(made.begin(), made.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
    return made;
}

std::vector<drift> compare_emitted(const std::filesystem::path& folder)
{
    std::vector<drift> found;
    const auto all = all_promises();
    const auto wanted = emitted_files();
    for (const auto& each : wanted)
    {
        const auto there = read_file(folder / each.path);
        if (!there)
            found.push_back({each.path, "missing", {}});
        else if (*there != each.text)
            found.push_back({each.path, "differs", breaks_of(all, each.path, *there)});
    }
    if (!std::filesystem::exists(folder))
        return found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{folder})
    {
        const auto path = std::filesystem::relative(entry.path(), folder).generic_string();
        const bool made =
            std::any_of(wanted.begin(), wanted.end(), [&](const auto& each) { return each.path == path; });
        const bool ours = path.ends_with(".rows") || path.ends_with(".json");
        if (entry.is_regular_file() && ours && !made && !is_older_version(all, path))
            found.push_back({path, "no longer made", {"its events are in logs, and its readers in the world"}});
    }
    return found;
}

std::vector<std::string> write_emitted(const std::filesystem::path& folder)
{
    std::vector<std::string> written;
    for (const auto& each : emitted_files())
    {
        const auto file = folder / each.path;
        if (read_file(file) == each.text)
            continue;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream{file, std::ios::binary | std::ios::trunc} << each.text;
        written.push_back(each.path);
    }
    return written;
}
}  // namespace cli
