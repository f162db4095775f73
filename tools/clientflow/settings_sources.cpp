// Where settings come from: DATA/clientflow.toml, then CLIENTFLOW_*, then flags. See settings.hpp.
#include "events/log/connection.hpp"
#include "tools/clientflow/settings.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <unistd.h>

namespace cli
{
namespace
{
[[noreturn]] void wrong(const std::string& sentence) { throw failure(usage, "bad_setting", sentence); }

std::filesystem::path default_data()
{
    if (::geteuid() == 0)
        return "/var/lib/clientflow";
    const char* home = std::getenv("HOME");
    return std::filesystem::path{home == nullptr ? "." : home} / ".local/share/clientflow";
}

std::string environment_name(const std::string& name)
{
    std::string made = "CLIENTFLOW_";
    for (const char c : name)
        made += c == '.' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    return made;
}

// The known name that shares most of its beginning and end with what was written; nothing when that is under half.
std::optional<std::string> nearest(const std::vector<setting>& rows, std::string_view name)
{
    const auto likeness = [&](const setting& row) {
        const auto front = std::mismatch(row.name.begin(), row.name.end(), name.begin(), name.end());
        const auto back = std::mismatch(row.name.rbegin(), row.name.rend(), name.rbegin(), name.rend());
        return static_cast<std::size_t>((front.first - row.name.begin()) + (back.first - row.name.rbegin()));
    };
    const auto best = std::max_element(rows.begin(), rows.end(),
                                       [&](const setting& a, const setting& b) { return likeness(a) < likeness(b); });
    return 2 * likeness(*best) >= name.size() ? std::optional{best->name} : std::nullopt;
}

void put(std::vector<setting>& rows, std::string_view name, std::string_view value, origin from,
         const std::string& where)
{
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const setting& each) { return each.name == name; });
    if (row == rows.end())
    {
        const auto known = nearest(rows, name);
        wrong(where + ": there is no setting \"" + std::string{name} + "\"; " +
              (known ? "the nearest is \"" + *known + "\"" : "`clientflow config print` lists all"));
    }
    if (!row->set(value))
        wrong(where + ": " + row->name + " must be " + row->kind + (row->unit.empty() ? "" : " (" + row->unit + ")"));
    row->from = from;
}

std::string text_of(const toml::node& value, const std::string& where)
{
    if (const auto* text = value.as_string())
        return text->get();
    if (const auto* number = value.as_integer())
        return std::to_string(number->get());
    if (const auto* flag = value.as_boolean())
        return flag->get() ? "true" : "false";
    wrong(where + ": only text, integers, true and false are understood");
}

void put_table(std::vector<setting>& rows, const toml::table& table, const std::string& prefix, const std::string& file)
{
    for (const auto& [key, value] : table)
    {
        const auto name = prefix + std::string{key.str()};
        const auto where = file + ":" + std::to_string(value.source().begin.line);
        if (const auto* inner = value.as_table())
            put_table(rows, *inner, name + '.', file);
        else
            put(rows, name, text_of(value, where), origin::file, where);
    }
}

void put_file(std::vector<setting>& rows, const std::filesystem::path& file)
{
    if (!std::filesystem::exists(file))
        return;
    try
    {
        put_table(rows, toml::parse_file(file.string()), "", file.string());
    }
    catch (const toml::parse_error& broken)
    {
        wrong(file.string() + ":" + std::to_string(broken.source().begin.line) + ": " +
              std::string{broken.description()});
    }
}

// A DSN of its own stands for both: who names a server by flag or environment means that server.
void put_dsn(std::vector<setting>& rows, const std::string& dsn, origin from, const std::string& where)
{
    put(rows, "store.dsn", dsn, from, where);
    put(rows, "store.admin_dsn", dsn, from, where);
}

void put_environment(std::vector<setting>& rows)
{
    if (const char* dsn = std::getenv("CLIENTFLOW_DSN"))
        put_dsn(rows, dsn, origin::environment, "CLIENTFLOW_DSN");
    for (auto& row : rows)
    {
        const auto name = environment_name(row.name);
        if (const char* value = std::getenv(name.c_str()))
            put(rows, row.name, value, origin::environment, name);
    }
}

std::string read_dsn_file(const std::string& file)
{
    std::ifstream in{file};
    std::string dsn{std::istreambuf_iterator<char>{in}, {}};
    while (!dsn.empty() && (dsn.back() == '\n' || dsn.back() == '\r' || dsn.back() == ' '))
        dsn.pop_back();
    if (!in || dsn.empty())
        wrong("--dsn-file: cannot read a DSN from " + file);
    return dsn;
}

bool has_password(const std::string& dsn)
{
    try
    {
        return event_log::has_password(dsn);
    }
    catch (const std::invalid_argument& bad)
    {
        wrong(std::string{"--dsn: "} + bad.what());
    }
}

void put_flags(std::vector<setting>& rows, const common_options& given)
{
    if (given.dsn && given.dsn_file)
        wrong("--dsn and --dsn-file exclude each other");
    if (given.dsn && has_password(*given.dsn))
        wrong("a password in the arguments is seen by every user of the machine: use --dsn-file, ~/.pgpass or "
              "PGPASSFILE");
    if (given.dsn)
        put_dsn(rows, *given.dsn, origin::flag, "--dsn");
    if (given.dsn_file)
        put_dsn(rows, read_dsn_file(*given.dsn_file), origin::flag, "--dsn-file");
    for (const auto& each : given.set)
    {
        const auto equals = each.find('=');
        if (equals == std::string::npos)
            wrong("--set wants name=value");
        const auto name = each.substr(0, equals);
        const auto value = each.substr(equals + 1);
        if ((name == "store.dsn" || name == "store.admin_dsn") && has_password(value))
            wrong("a password in the arguments is seen by every user of the machine: use --dsn-file");
        put(rows, name, value, origin::flag, "--set");
    }
}

// libpq reads these by itself where the DSN is silent.
bool libpq_is_told()
{
    constexpr std::array names{"PGHOST", "PGHOSTADDR", "PGSERVICE", "PGPORT", "PGDATABASE"};
    return std::any_of(names.begin(), names.end(), [](const char* name) {
        const char* value = std::getenv(name);
        return value != nullptr && *value != '\0';
    });
}

// Without this, a mistyped directory would be told as a PostgreSQL that does not answer where nobody has put one.
void want_store(const explained& all)
{
    const bool named = std::any_of(all.rows.begin(), all.rows.end(), [](const setting& each) {
        return (each.name == "store.dsn" || each.name == "store.admin_dsn") && each.from != origin::standard;
    });
    if (named || libpq_is_told())
        return;
    if (std::filesystem::exists(all.values.data / "clientflow.toml"))
        wrong((all.values.data / "clientflow.toml").string() + " names no store: set store.dsn, or give --dsn");
    wrong("there is no clientflow.toml in " + all.values.data.string() +
          ": give --data, or start it with tools/up (a store elsewhere: --dsn)");
}
}  // namespace

void explain(const common_options& given, explained& into)
{
    auto& values = into.values;
    values.data = default_data();
    if (const char* data = std::getenv("CLIENTFLOW_DATA"))
        values.data = data;
    if (given.data)
        values.data = *given.data;
    values.keys.master_key_file = "master.key";
    into.rows = rows_of(values);
    put_file(into.rows, values.data / "clientflow.toml");
    put_environment(into.rows);
    put_flags(into.rows, given);
    values.keys.master_key_file = values.data / values.keys.master_key_file;
    values.http.version = CLIENTFLOW_VERSION;
}

settings read_settings(const common_options& given)
{
    explained all;
    explain(given, all);
    want_store(all);
    return all.values;
}
}  // namespace cli
