// See emitted_files.hpp.
#include "tools/clientflow/emitted_files.hpp"

#include "commands/catalogue.hpp"
#include "events/catalogue.hpp"
#include "events/log/upcast.hpp"
#include "http/catalogue.hpp"
#include "http/server/api_breaks.hpp"
#include "http/server/asyncapi.hpp"
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

constexpr std::string_view api_path = "openapi.json";

std::string rows_path(std::string_view folder, const schema::record_type& record)
{
    return std::string{folder} + '/' + std::string{record.name} + ".rows";
}

std::string fact_path(const schema::record_type& fact, std::int32_t version)
{
    return "events/" + std::string{fact.name} + '.' + std::to_string(version) + ".rows";
}

promises all_promises()
{
    promises made;
    for (const auto& noun : event_log::catalogue())
    {
        for (const auto* fact : noun.facts)
            made.insert({fact_path(*fact, fact->version), {fact, schema::compatibility::as_event}});
        made.insert({rows_path("items", *noun.item), {noun.item, schema::compatibility::as_answer}});
    }
    for (const auto& commands : rules::commands_catalogue())
        for (const auto* command : commands)
            made.insert({rows_path("commands", *command), {command, schema::compatibility::as_request}});
    for (const auto routes : http::all_routes())
        for (const http::route& one : routes)
            if (one.answer && !made.contains(rows_path("items", *one.answer)))
                made.insert({rows_path("answers", *one.answer), {one.answer, schema::compatibility::as_answer}});
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
    if (found == all.end() && path != api_path)
        return {};
    try
    {
        if (path == api_path)
            return http::api_breaks(old_text, api_document());
        return schema::breaks(old_text, *found->second.record, found->second.how);
    }
    catch (const std::invalid_argument& wrong)
    {
        return {std::string{"unreadable: "} + wrong.what()};
    }
}

// A fact with a new version needs a way from each older one, and their descriptions stay: their events are in logs.
void look_at_older_versions(const std::filesystem::path& folder, std::vector<drift>& found)
{
    for (const auto& noun : event_log::catalogue())
        for (const auto* fact : noun.facts)
        {
            auto missing = event_log::missing_ways({&fact, 1}, event_log::upcasters());
            if (!missing.empty())
                found.push_back({fact_path(*fact, fact->version), "has old events that nobody lifts", missing});
            for (std::int32_t version = 1; version < fact->version; ++version)
                if (const auto path = fact_path(*fact, version); !std::filesystem::exists(folder / path))
                    found.push_back({path, "gone", {std::string{fact->name} + ": its events are in logs"}});
        }
}

// A file of an older version of a fact stays: its events are still in logs.
bool is_older_version(const std::string& path)
{
    const std::string rows = path.substr(0, path.rfind('.')) + ".rows";
    for (const auto& noun : event_log::catalogue())
        for (const auto* fact : noun.facts)
            for (std::int32_t version = 1; version < fact->version; ++version)
                if (rows == fact_path(*fact, version))
                    return true;
    return false;
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
    made.push_back({std::string{api_path}, ended_by_newline(api_document())});
    made.push_back({"asyncapi.json", ended_by_newline(http::asyncapi_document())});
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
    look_at_older_versions(folder, found);
    for (const auto& entry : std::filesystem::recursive_directory_iterator{folder})
    {
        const auto path = std::filesystem::relative(entry.path(), folder).generic_string();
        const bool made =
            std::any_of(wanted.begin(), wanted.end(), [&](const auto& each) { return each.path == path; });
        const bool ours = path.ends_with(".rows") || path.ends_with(".json");
        if (entry.is_regular_file() && ours && !made && !is_older_version(path))
            found.push_back({path, "no longer made", {"its events are in logs, and its readers in the world"}});
    }
    return found;
}

bool breaks_something(const std::vector<drift>& found)
{
    return std::ranges::any_of(found, [](const drift& each) { return !each.breaks.empty(); });
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
