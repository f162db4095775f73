// See plan.hpp. Ids need the moment in which a thing first appears, so they are remembered by name.
#include "tools/helpdesk/plan.hpp"

#include "schemas/json_writer.hpp"
#include "schemas/uuid.hpp"

#include <array>
#include <optional>
#include <string_view>
#include <unordered_map>

namespace helpdesk
{
namespace
{
// A version 7 id from a name and a fixed moment within the log's years: 74 bits of a hash stand for the random part.
std::string id_of(std::string_view prefix, std::string_view name)
{
    const auto mix = [&](std::uint64_t seed) {
        std::uint64_t hash = 0xcbf29ce484222325ULL ^ seed;
        for (const auto part : {prefix, std::string_view{"/"}, name})
            for (const char c : part)
                hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
        hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9ULL;
        hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebULL;
        return hash ^ (hash >> 31);
    };
    std::array<std::uint8_t, 10> bits{};
    const auto low = mix(1);
    const auto high = mix(2);
    for (std::size_t i = 0; i < 8; ++i)
        bits[i] = static_cast<std::uint8_t>(low >> (8 * i));
    bits[8] = static_cast<std::uint8_t>(high);
    bits[9] = static_cast<std::uint8_t>(high >> 8);
    constexpr std::uint64_t start_of_2010_ms = 1'262'304'000'000;
    return std::string{prefix} + '_' + schema::uuid::v7(start_of_2010_ms, bits).base32();
}

std::string pair_name(const row& r) { return r.customer + " / " + r.product; }

std::string_view priority_word(const row& r)
{
    if (r.priority == "Priority 1")
        return "low";
    if (r.priority == "Priority 2")
        return "normal";
    if (r.priority == "Priority 3")
        return "high";
    return "urgent";
}

// "Agent 12" -> "agent.12@helpdesk.example"
std::string address(std::string_view agent)
{
    std::string made;
    for (const char c : agent)
        made += c == ' ' ? '.' : static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    return made + "@helpdesk.example";
}

// Writes a flat JSON object, ended by the row's time.
class body_writer
{
public:
    explicit body_writer(const row& r) : at_(r.at) { out_ = "{"; }

    body_writer& text(std::string_view name, std::string_view value)
    {
        member(name);
        schema::json_writer{out_}.string(value);
        return *this;
    }
    body_writer& list(std::string_view name, const std::vector<std::string>& values)
    {
        member(name);
        schema::json_writer writer{out_};
        writer.begin_array();
        for (const auto& value : values)
            writer.string(value);
        writer.end_array();
        return *this;
    }
    std::string done()
    {
        text("occurred_at", at_);
        return out_ + "}";
    }

private:
    void member(std::string_view name)
    {
        if (out_.size() > 1)
            out_ += ',';
        out_.append("\"").append(name).append("\":");
    }

    std::string at_;
    std::string out_;
};

// The planner's memory of one ticket.
struct ticket
{
    std::string id;
    std::string project;
    std::string_view priority;
    std::vector<std::string> labels;
    std::string assignee;
    enum class phase
    {
        open,
        started,
        waiting,
        resolved,
        closed
    } now = phase::open;
    std::uint32_t last_write = 0;
};

class planner
{
public:
    void take(const row& r);
    std::vector<write> finish() { return std::move(writes_); }

private:
    using index = std::uint32_t;

    index add(const row&, std::string_view step, std::string method, std::string target, std::string body,
              std::vector<index> after);
    index client(const row&);
    index project(const row&);
    index member(const row&);
    void create(const row&, ticket&);
    // A write to the ticket itself: after its last one.
    void on(const row&, ticket&, std::string_view step, std::string method, std::string tail, std::string body,
            std::optional<index> also_after = std::nullopt);
    void reopen_when_needed(const row&, ticket&);
    void bring_up_to_date(const row&, ticket&);
    void act(const row&, ticket&);

    std::vector<write> writes_;
    std::unordered_map<std::string, index> clients_, projects_, members_;
    std::unordered_map<std::string, ticket> tickets_;
};

planner::index planner::add(const row& r, std::string_view step, std::string method, std::string target,
                            std::string body, std::vector<index> after)
{
    writes_.push_back({"helpdesk-" + std::to_string(r.number) + '-' + std::string{step}, std::move(method),
                       std::move(target), std::move(body), r.number, std::move(after)});
    return static_cast<index>(writes_.size() - 1);
}

planner::index planner::client(const row& r)
{
    if (const auto known = clients_.find(r.customer); known != clients_.end())
        return known->second;
    auto body = body_writer{r}.text("id", client_id(r)).text("name", r.customer).done();
    return clients_[r.customer] = add(r, "client", "POST", "/api/v1/clients", std::move(body), {});
}

planner::index planner::project(const row& r)
{
    if (const auto known = projects_.find(pair_name(r)); known != projects_.end())
        return known->second;
    const auto parent = client(r);
    auto body = body_writer{r}
                    .text("id", project_id(r))
                    .text("client_id", client_id(r))
                    .text("name", r.product + " for " + r.customer)
                    .text("status", "active")
                    .done();
    return projects_[pair_name(r)] = add(r, "project", "POST", "/api/v1/projects", std::move(body), {parent});
}

planner::index planner::member(const row& r)
{
    if (const auto known = members_.find(r.agent); known != members_.end())
        return known->second;
    auto body = body_writer{r}
                    .text("id", member_id(r))
                    .text("email", address(r.agent))
                    .text("name", r.agent)
                    .text("role", "member")
                    .done();
    return members_[r.agent] = add(r, "member", "POST", "/api/v1/members", std::move(body), {});
}

void planner::create(const row& r, ticket& t)
{
    t.id = task_id(r);
    t.project = project_id(r);
    t.priority = priority_word(r);
    t.labels = {r.service_level, r.workgroup};
    auto body = body_writer{r}
                    .text("id", t.id)
                    .text("project_id", t.project)
                    .text("title", r.ticket)
                    .text("priority", t.priority)
                    .list("labels", t.labels)
                    .done();
    t.last_write = add(r, "task", "POST", "/api/v1/tasks", std::move(body), {project(r)});
}

void planner::on(const row& r, ticket& t, std::string_view step, std::string method, std::string tail, std::string body,
                 std::optional<index> also_after)
{
    std::vector<index> after{t.last_write};
    if (also_after)
        after.push_back(*also_after);
    t.last_write = add(r, step, std::move(method), "/api/v1/tasks/" + t.id + tail, std::move(body), std::move(after));
}

void planner::reopen_when_needed(const row& r, ticket& t)
{
    const bool works_on_it =
        r.activity == "Take in charge ticket" || r.activity == "Wait" || r.activity == "Assign seriousness";
    const bool needed =
        (t.now == ticket::phase::closed && r.activity != "Closed") || (t.now == ticket::phase::resolved && works_on_it);
    if (!needed)
        return;
    on(r, t, "reopen", "POST", "/reopen", body_writer{r}.done());
    t.now = ticket::phase::open;
}

void planner::bring_up_to_date(const row& r, ticket& t)
{
    if (t.project != project_id(r))
    {
        const auto parent = project(r);
        t.project = project_id(r);
        on(r, t, "move", "POST", "/move", body_writer{r}.text("project_id", t.project).done(), parent);
    }
    body_writer body{r};
    std::optional<index> needs;
    bool changes = false;
    const std::vector<std::string> labels{r.service_level, r.workgroup};
    if (t.priority != priority_word(r) || t.labels != labels || r.activity == "Assign seriousness")
    {
        t.priority = priority_word(r);
        t.labels = labels;
        body.text("priority", t.priority).list("labels", t.labels);
        changes = true;
    }
    if (r.activity == "Take in charge ticket" && t.assignee != member_id(r))
    {
        needs = member(r);
        t.assignee = member_id(r);
        body.list("assignee_ids", {t.assignee});
        changes = true;
    }
    if (changes)
        on(r, t, "patch", "PATCH", "", body.done(), needs);
}

void planner::act(const row& r, ticket& t)
{
    const auto verb = [&](const char* name, ticket::phase next) {
        on(r, t, name, "POST", std::string{"/"} + name, body_writer{r}.done());
        t.now = next;
    };
    if (r.activity == "Take in charge ticket")
        verb("start", ticket::phase::started);
    else if (r.activity == "Wait")
        verb("wait", ticket::phase::waiting);
    else if (r.activity == "Resolve ticket")
        verb("complete", ticket::phase::resolved);
    else if (r.activity == "Closed")
        verb("complete", ticket::phase::closed);
    else if (r.activity != "Assign seriousness")
        on(r, t, "comment", "POST", "/comments", body_writer{r}.text("body", r.activity + " (" + r.agent + ")").done());
}

void planner::take(const row& r)
{
    member(r);
    auto [found, first] = tickets_.try_emplace(r.ticket);
    auto& t = found->second;
    if (first)
    {
        create(r, t);
        // What a first row says of seriousness, and that it was inserted, the create has said.
        if (r.activity == "Assign seriousness" || r.activity == "Insert ticket")
            return;
    }
    else
        project(r);
    reopen_when_needed(r, t);
    bring_up_to_date(r, t);
    act(r, t);
}
}  // namespace

std::string client_id(const row& r) { return id_of("client", r.customer); }

std::string project_id(const row& r) { return id_of("project", pair_name(r)); }

std::string member_id(const row& r) { return id_of("member", r.agent); }

std::string task_id(const row& r) { return id_of("task", r.ticket); }

std::vector<write> plan(const std::vector<row>& rows)
{
    planner making;
    for (const auto& each : rows)
        making.take(each);
    return making.finish();
}
}  // namespace helpdesk
