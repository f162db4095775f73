// See count.hpp.
#include "tools/helpdesk/count.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <utility>

namespace helpdesk
{
namespace
{
using history = std::vector<const row*>;

constexpr std::array<std::string_view, 4> status_activities{"Closed", "Resolve ticket", "Take in charge ticket",
                                                            "Wait"};

bool says_status(const row* r)
{
    return std::find(status_activities.begin(), status_activities.end(), r->activity) != status_activities.end();
}

bool assigns_seriousness(const row* r) { return r->activity == "Assign seriousness"; }

// The last row that speaks of a status decides, unless a later one took it back: anything after `Closed`, and a newly
// assigned seriousness after `Resolve ticket`, opens the ticket again.
std::string final_status(const history& rows)
{
    const auto last = std::find_if(rows.rbegin(), rows.rend(), says_status);
    if (last == rows.rend())
        return "todo";
    const auto& activity = (*last)->activity;
    if (activity == "Take in charge ticket")
        return "in_progress";
    if (activity == "Wait")
        return "waiting";
    const bool taken_back =
        activity == "Closed" ? last != rows.rbegin() : std::any_of(rows.rbegin(), last, assigns_seriousness);
    return taken_back ? "todo" : "done";
}

// A row that is neither a status, a seriousness nor the ticket's first insertion is a remark.
std::int64_t remarks(const history& rows)
{
    return std::count_if(rows.begin(), rows.end(), [&](const row* r) {
        const bool inserted = r == rows.front() && r->activity == "Insert ticket";
        return !says_status(r) && !assigns_seriousness(r) && !inserted;
    });
}

std::string project_name(const row& r) { return r.product + " for " + r.customer; }

std::string month(const row& r) { return r.moment.text().substr(0, 7); }
}  // namespace

totals count(const std::vector<row>& rows)
{
    totals made;
    std::set<std::string> customers, agents;
    std::map<std::string, history> tickets;
    for (const auto& each : rows)
    {
        customers.insert(each.customer);
        agents.insert(each.agent);
        if (made.tasks_by_project.try_emplace(project_name(each), 0).second)
            ++made.created_per_month[month(each)].projects;
        tickets[each.ticket].push_back(&each);
    }
    made.clients = std::ssize(customers);
    made.members = std::ssize(agents);
    made.projects = std::ssize(made.tasks_by_project);
    made.tasks = std::ssize(tickets);
    for (const auto& [name, rows_of] : tickets)
    {
        const auto status = final_status(rows_of);
        ++made.tasks_by_status[status];
        ++made.tasks_by_project[project_name(*rows_of.back())];
        ++made.created_per_month[month(*rows_of.front())].tasks;
        made.comments += remarks(rows_of);
        const auto taken = std::find_if(rows_of.rbegin(), rows_of.rend(),
                                        [](const row* r) { return r->activity == "Take in charge ticket"; });
        if (taken == rows_of.rend())
            continue;
        ++made.tasks_by_member[(*taken)->agent];
        if (status == "done")
            ++made.done_by_member[(*taken)->agent];
    }
    return made;
}
}  // namespace helpdesk
