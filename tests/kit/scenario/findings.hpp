// What a scenario found: everything that is not as it should be, and how often its faults and outcomes came about.
//
// A fault that never fired proves nothing, so scenarios count what they did and their tests ask for it.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace scenario
{
inline constexpr std::size_t problems_max = 40;  // named; all are counted under "problems"

struct findings
{
    std::vector<std::string> problems;
    std::map<std::string, long> counted;

    void add(std::string problem)
    {
        if (problems.size() < problems_max)
            problems.push_back(std::move(problem));
        ++counted["problems"];
    }

    void expect(bool holds, const std::string& otherwise)
    {
        if (!holds)
            add(otherwise);
    }

    void add(const findings& more, const std::string& where)
    {
        for (const std::string& each : more.problems)
            add(where.empty() ? each : where + ": " + each);
        for (const auto& [name, count] : more.counted)
            if (name != "problems")
                counted[name] += count;
    }

    long count(const std::string& name) const
    {
        const auto found = counted.find(name);
        return found == counted.end() ? 0 : found->second;
    }

    // One line of counts, then a line per problem.
    std::string text() const
    {
        std::string all;
        for (const auto& [name, count] : counted)
            all += (all.empty() ? "" : ", ") + name + ' ' + std::to_string(count);
        for (const std::string& each : problems)
            all += "\n  " + each;
        return all;
    }
};
}  // namespace scenario
