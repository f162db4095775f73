// See compare.hpp.
#include "tools/helpdesk/compare.hpp"

#include "tools/helpdesk/shown.hpp"

#include <algorithm>
#include <functional>
#include <set>
#include <thread>
#include <unordered_map>

namespace helpdesk
{
namespace
{
std::string percent_encoded(std::string_view text)
{
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string made;
    for (const char c : text)
    {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                           c == '_' || c == '.' || c == '~';
        if (plain)
            made += c;
        else
            (made += '%').append({digits[byte >> 4], digits[byte & 15]});
    }
    return made;
}

// Reads answers of one tenant over one connection, at least as new as its last write.
class reader
{
public:
    reader(const std::vector<wire::endpoint>& servers, std::size_t first, const target& of, const std::string& position)
        : servers_(servers)
        , line_(servers, static_cast<int>(servers.size()), std::chrono::seconds{35})
        , next_(first)
        , of_(of)
        , headers_("Prefer: wait=10, handling=strict\r\n")
    {
        if (!position.empty())
            headers_ += "Clientflow-Position: " + position + "\r\n";
    }

    template <class T>
    T get(const std::string& path)
    {
        auto read = schema::read_json<T>(fetch(path), schema::reading::stored);
        if (!read)
            throw refused(
                "GET " + path + " was answered with something unexpected: " +
                (read.error().empty() ? "" : read.error().front().where + ' ' + read.error().front().message));
        return std::move(*read);
    }

    template <class T>
    std::vector<T> all(const std::string& path)
    {
        std::vector<T> items;
        std::string cursor;
        do
        {
            auto page = get<shown::page<T>>(path + "?limit=200&archived=any" +
                                            (cursor.empty() ? "" : "&cursor=" + percent_encoded(cursor)));
            std::move(page.data.begin(), page.data.end(), std::back_inserter(items));
            cursor = page.next_cursor.value_or("");
        } while (!cursor.empty());
        return items;
    }

private:
    std::string fetch(const std::string& path)
    {
        constexpr int tries = 30;
        wire::response last;
        for (int tried = 0; tried < tries; ++tried)
        {
            wire::request asked;
            asked.method = "GET";
            asked.target = path;
            asked.key = of_.key;
            asked.headers = headers_;
            bool finished = false;
            const auto server = next_ % servers_.size();
            line_.send(static_cast<int>(server), wire::render(servers_[server], asked));
            while (!finished)
                line_.step(std::chrono::milliseconds{100}, [&](int, wire::response& got) {
                    last = std::move(got);
                    finished = true;
                });
            if (last.status == 200)
                return std::move(last.body);
            if (!last.lost() && last.status != 503 && last.status != 429)
                break;
            ++next_;
            std::this_thread::sleep_for(std::chrono::seconds{1});
        }
        if (last.lost())
            throw unreachable("no answer from " + servers_[next_ % servers_.size()].authority() + " to GET " + path +
                              ": is the server running? tools/up starts it");
        throw refused("GET " + path + " was answered " + std::to_string(last.status) + " " + last.body);
    }

    const std::vector<wire::endpoint>& servers_;
    wire::exchange line_;
    std::size_t next_;  // the server to ask
    const target& of_;
    std::string headers_;
};

// The counted figures beside the shown ones, by name.
class sheet
{
public:
    void expect(const std::string& what, std::int64_t n) { rows_[what].first += n; }
    void show(const std::string& what, std::int64_t n) { rows_[what].second += n; }

    compared result() const
    {
        compared made;
        made.figures = rows_.size();
        for (const auto& [what, pair] : rows_)
            if (pair.first != pair.second)
                made.differences.push_back({what, pair.first, pair.second});
        return made;
    }

private:
    std::map<std::string, std::pair<std::int64_t, std::int64_t>> rows_;
};

struct known_ids
{
    std::set<std::string> clients, projects, members, tasks;

    bool has(const std::string& id) const
    {
        return clients.contains(id) || projects.contains(id) || members.contains(id) || tasks.contains(id);
    }

    explicit known_ids(const std::vector<row>& rows)
    {
        for (const auto& each : rows)
        {
            clients.insert(client_id(each));
            projects.insert(project_id(each));
            members.insert(member_id(each));
            tasks.insert(task_id(each));
        }
    }
};

void expect_lists(sheet& on, const totals& counted)
{
    on.expect("clients", counted.clients);
    on.expect("projects", counted.projects);
    on.expect("members", counted.members);
    on.expect("tasks", counted.tasks);
    for (const auto& [status, n] : counted.tasks_by_status)
        on.expect("tasks by status: " + status, n);
    for (const auto& [project, n] : counted.tasks_by_project)
        on.expect("tasks by project: " + project, n);
    for (const auto& [member, n] : counted.tasks_by_member)
        on.expect("tasks by member: " + member, n);
}

void expect_dashboard(sheet& on, const totals& counted, bool months)
{
    on.expect("dashboard: clients", counted.clients);
    on.expect("dashboard: members", counted.members);
    on.expect("dashboard: projects_active", counted.projects);
    for (const auto& [status, n] : counted.tasks_by_status)
    {
        on.expect("dashboard: tasks " + status, n);
        on.expect(status == "done" ? "dashboard: tasks_done" : "dashboard: tasks_open", n);
    }
    for (const auto& [member, n] : counted.done_by_member)
        on.expect("dashboard: done by " + member, n);
    for (const auto& [month, n] : counted.created_per_month)
    {
        if (!months)
            break;
        on.expect("dashboard: projects created in " + month, n.projects);
        on.expect("dashboard: tasks created in " + month, n.tasks);
    }
}

std::string month_of(const std::optional<schema::moment>& created)
{
    return created ? created->text().substr(0, 7) : std::string{};
}

// Whose an item is, by its id: the tenant's share of the log, or of the log and not this tenant's.
struct shares
{
    known_ids own, all;

    bool is_anothers(const std::string& id) const { return !own.has(id) && all.has(id); }
};

// Items that do not come from the log: they are expected on the dashboard as the lists show them.
struct names
{
    std::unordered_map<std::string, std::string> projects, members;
};

void show_projects(sheet& on, names& known, const shares& of, reader& from, bool months)
{
    for (const auto& each : from.all<shown::project>("/api/v1/projects"))
    {
        known.projects[each.id] = each.name;
        on.show("items of another tenant", of.is_anothers(each.id) ? 1 : 0);
        if (of.own.projects.contains(each.id))
        {
            on.show("projects", 1);
            on.show("tasks by project: " + each.name, 0);
            continue;
        }
        if (each.status == "active" && !each.archived_at)
            on.expect("dashboard: projects_active", 1);
        if (months)
            on.expect("dashboard: projects created in " + month_of(each.created_at), 1);
    }
}

void show_people(sheet& on, names& known, const shares& of, reader& from)
{
    for (const auto& each : from.all<shown::client>("/api/v1/clients"))
    {
        on.show("items of another tenant", of.is_anothers(each.id) ? 1 : 0);
        if (of.own.clients.contains(each.id))
            on.show("clients", 1);
        else if (!each.archived_at)
            on.expect("dashboard: clients", 1);
    }
    for (const auto& each : from.all<shown::member>("/api/v1/members"))
    {
        known.members[each.id] = each.name.value_or(each.id);
        on.show("items of another tenant", of.is_anothers(each.id) ? 1 : 0);
        if (of.own.members.contains(each.id))
            on.show("members", 1);
        else if (!each.archived_at)
            on.expect("dashboard: members", 1);
    }
}

void expect_foreign_task(sheet& on, const names& known, const shown::task& each, bool months)
{
    // Creations count for ever, all else only what is not archived.
    if (months)
        on.expect("dashboard: tasks created in " + month_of(each.created_at), 1);
    if (each.archived_at)
        return;
    on.expect("dashboard: tasks " + each.status, 1);
    on.expect(each.status == "done" ? "dashboard: tasks_done" : "dashboard: tasks_open", 1);
    if (each.status == "done")
        for (const auto& member : each.assignee_ids)
            on.expect("dashboard: done by " + known.members.at(member), 1);
}

void show_tasks(sheet& on, const names& known, const shares& of, reader& from, bool months)
{
    for (const auto& each : from.all<shown::task>("/api/v1/tasks"))
    {
        on.show("items of another tenant", of.is_anothers(each.id) ? 1 : 0);
        if (!of.own.tasks.contains(each.id))
        {
            expect_foreign_task(on, known, each, months);
            continue;
        }
        on.show("tasks", 1);
        on.show("tasks by status: " + each.status, 1);
        const auto project = known.projects.find(each.project_id);
        on.show("tasks by project: " + (project == known.projects.end() ? each.project_id : project->second), 1);
        for (const auto& member : each.assignee_ids)
        {
            const auto found = known.members.find(member);
            on.show("tasks by member: " + (found == known.members.end() ? member : found->second), 1);
        }
    }
}

void show_dashboard(sheet& on, const names& known, reader& from, bool months)
{
    const auto shown = from.get<shown::dashboard>("/api/v1/dashboard");
    on.show("dashboard: clients", shown.totals.clients);
    on.show("dashboard: members", shown.totals.members);
    on.show("dashboard: projects_active", shown.totals.projects_active);
    on.show("dashboard: tasks_open", shown.totals.tasks_open);
    on.show("dashboard: tasks_done", shown.totals.tasks_done);
    for (const auto& [status, n] : shown.tasks_by_status)
        on.show("dashboard: tasks " + status, n);
    for (const auto& each : shown.done_per_member)
    {
        const auto found = known.members.find(each.member_id);
        on.show("dashboard: done by " + (found == known.members.end() ? each.member_id : found->second), each.count);
    }
    for (const auto& each : shown.created_per_month)
    {
        if (!months)
            break;
        on.show("dashboard: projects created in " + each.month.substr(0, 7), each.projects);
        on.show("dashboard: tasks created in " + each.month.substr(0, 7), each.tasks);
    }
}

compared look_once(reader& from, const totals& counted, const shares& of)
{
    const auto zone = from.get<shown::organisation>("/api/v1/org").time_zone;
    const bool months = zone == "UTC" || zone == "Etc/UTC";
    sheet on;
    names known;
    expect_lists(on, counted);
    expect_dashboard(on, counted, months);
    show_people(on, known, of, from);
    show_projects(on, known, of, from, months);
    show_tasks(on, known, of, from, months);
    show_dashboard(on, known, from, months);
    auto made = on.result();
    if (!months)
        made.months_left_out = zone;
    return made;
}
}  // namespace

compared compare(const std::vector<wire::endpoint>& servers, std::size_t first, const target& of,
                 const std::string& last_position, const std::vector<row>& rows, const std::vector<row>& all,
                 std::chrono::seconds patience)
{
    const auto counted = count(rows);
    const shares whose{known_ids{rows}, known_ids{all}};
    reader from{servers, first, of, last_position};
    const auto give_up = std::chrono::steady_clock::now() + patience;
    while (true)
    {
        auto seen = look_once(from, counted, whose);
        if (seen.differences.empty() || std::chrono::steady_clock::now() > give_up)
            return seen;
        std::this_thread::sleep_for(std::chrono::milliseconds{500});
    }
}
}  // namespace helpdesk
