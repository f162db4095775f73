// See ticket_log.hpp.
#include "tools/helpdesk/ticket_log.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>

namespace helpdesk
{
namespace
{
constexpr std::array<std::string_view, 9> columns{"case",    "at",       "activity",      "agent",    "customer",
                                                  "product", "priority", "service_level", "workgroup"};

std::vector<std::string> split(std::string_view line)
{
    std::vector<std::string> fields(1);
    bool quoted = false;
    for (std::size_t i = 0; i < line.size(); ++i)
    {
        const char c = line[i];
        if (quoted && c == '"' && i + 1 < line.size() && line[i + 1] == '"')
            fields.back() += line[++i];
        else if (c == '"')
            quoted = !quoted;
        else if (c == ',' && !quoted)
            fields.emplace_back();
        else if (c != '\r')
            fields.back() += c;
    }
    return fields;
}

row to_row(std::vector<std::string> fields, std::size_t number)
{
    const auto where = "row " + std::to_string(number) + ": ";
    if (fields.size() != columns.size())
        throw bad_log(where + "expected " + std::to_string(columns.size()) + " fields, found " +
                      std::to_string(fields.size()));
    row made;
    made.number = number;
    std::size_t next = 0;
    for (auto* member : {&made.ticket, &made.at, &made.activity, &made.agent, &made.customer, &made.product,
                         &made.priority, &made.service_level, &made.workgroup})
        *member = std::move(fields[next++]);
    const auto when = schema::moment::parse(made.at);
    if (!when)
        throw bad_log(where + "\"" + made.at + "\" is no time");
    made.moment = *when;
    return made;
}
}  // namespace

std::vector<row> read_log(const std::filesystem::path& file)
{
    std::ifstream in{file};
    if (!in)
        throw bad_log("cannot read " + file.string());
    std::string line;
    std::getline(in, line);
    const auto header = split(line);
    if (!std::equal(header.begin(), header.end(), columns.begin(), columns.end()))
        throw bad_log(file.string() + " has other columns than a help-desk log");
    std::vector<row> rows;
    while (std::getline(in, line))
    {
        if (line.empty() || line == "\r")
            continue;
        rows.push_back(to_row(split(line), rows.size() + 1));
        if (rows.size() > 1 && rows.back().moment < rows[rows.size() - 2].moment)
            throw bad_log("row " + std::to_string(rows.size()) + " is older than the one before it");
    }
    return rows;
}
}  // namespace helpdesk
