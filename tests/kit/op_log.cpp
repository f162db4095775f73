#include "tests/kit/op_log.hpp"

#include <algorithm>
#include <sstream>

namespace kit
{
namespace
{
// "mark count" per line.
std::map<std::string, int> counted(const std::string& lines)
{
    std::map<std::string, int> result;
    std::istringstream in(lines);
    for (std::string mark, count; in >> mark >> count;)
        result[mark] = std::stoi(count);
    return result;
}

void expect_none(const database& db, const std::string& sql, const std::string& what,
                 std::vector<std::string>& problems)
{
    if (const std::string found = db.run(sql); !found.empty())
        problems.push_back(what + ": " + found);
}

// A mark is prefix.operation.attempt.
std::pair<std::string, std::size_t> parts_of(const std::string& mark)
{
    const std::size_t first = mark.find('.'), last = mark.rfind('.');
    return {mark.substr(first + 1, last - first - 1), std::stoul(mark.substr(last + 1))};
}
}  // namespace

std::string op_log::attempt(const std::string& operation)
{
    const std::lock_guard lock(mutex_);
    attempts& made = operations_[operation];
    made.push_back(outcome::none);
    return prefix_ + '.' + operation + '.' + std::to_string(made.size() - 1);
}

void op_log::note(const std::string& mark, outcome how)
{
    const auto [operation, nth] = parts_of(mark);
    const std::lock_guard lock(mutex_);
    operations_.at(operation).at(nth) = how;
}

std::size_t op_log::count(outcome how) const
{
    const std::lock_guard lock(mutex_);
    std::size_t total = 0;
    for (const auto& [name, made] : operations_)
        total += static_cast<std::size_t>(std::count(made.begin(), made.end(), how));
    return total;
}

std::vector<std::string> op_log::check(const database& db) const
{
    const std::lock_guard lock(mutex_);
    std::vector<std::string> problems;
    const auto written =
        counted(db.run("select string_agg(mark || ' ' || n, E'\\n') from (select meta->>'request_id' as "
                       "mark, count(*) as n from es.event where meta->>'request_id' like '" +
                       prefix_ + ".%' group by 1) as m"));
    for (const auto& [mark, count] : written)
    {
        const auto [operation, nth] = parts_of(mark);
        const auto asked = operations_.find(operation);
        if (asked == operations_.end() || nth >= asked->second.size())
            problems.push_back("in the log, but never asked for: " + mark);
    }
    for (const auto& [name, made] : operations_)
        check_operation(name, made, written, problems);
    expect_none(db,
                "select string_agg(lane::text, ', ') from (select lane from es.event group by lane "
                "having min(seq) <> 1 or max(seq) <> count(*)) as l",
                "lanes with holes", problems);
    expect_none(db,
                "select string_agg(stream_id::text, ', ') from (select stream_id from es.event "
                "group by tenant_id, category, stream_id having min(version) <> 1 or max(version) <> count(*)) as s",
                "streams with holes", problems);
    return problems;
}

void op_log::check_operation(const std::string& name, const attempts& made, const std::map<std::string, int>& written,
                             std::vector<std::string>& problems) const
{
    int effects = 0;
    for (std::size_t nth = 0; nth < made.size(); ++nth)
    {
        const auto place = written.find(prefix_ + '.' + name + '.' + std::to_string(nth));
        if (place == written.end())
            continue;
        ++effects;
        if (made[nth] == outcome::refused)
            problems.push_back("refused, but in the log: " + place->first);
        if (place->second != events_)
            problems.push_back(std::to_string(place->second) + " events in the log: " + place->first);
    }
    const bool is_done = std::find(made.begin(), made.end(), outcome::done) != made.end();
    if (is_done && effects == 0)
        problems.push_back("acknowledged, but not in the log: " + name);
    if (effects > 1)
        problems.push_back("more than one effect: " + name);
}
}  // namespace kit
