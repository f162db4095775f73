#include "tests/kit/scenario/onlooker.hpp"

#include "schemas/uuid.hpp"
#include "tests/kit/eventually.hpp"
#include "tests/kit/scenario/members.hpp"

#include <algorithm>
#include <sstream>

namespace scenario
{
namespace
{
constexpr kit::milliseconds answer_within{5'000};  // a frozen server is left for the next
constexpr kit::milliseconds pause_max{500};
constexpr std::size_t id_length = 5 + 26;  // "task_" and the rest
}  // namespace

std::vector<std::string> tasks_in(const std::string& text, const std::string& before)
{
    std::vector<std::string> found;
    const auto mark = before + "task_";
    for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + mark.size()))
        found.push_back(text.substr(at + before.size(), id_length));
    return found;
}

std::set<std::string> tasks_in_log(const site& at, const organisation& of)
{
    std::istringstream ids{at.ask("select string_agg(stream_id::text, ' ') from es.event where type = 'task.created'"
                                  " and tenant_id = '" +
                                  of.tenant_id() + "'")};
    std::set<std::string> made;
    for (std::string id; ids >> id;)
        made.insert(schema::type_id<"task">{*schema::uuid::parse(id)}.text());
    return made;
}

onlooker::onlooker(std::vector<std::uint16_t> ports, std::vector<organisation> of)
    : ports_(std::move(ports)), of_(std::move(of)), seen_(of_.size()), thread_([this] { run(); })
{}

onlooker::~onlooker() { stop(); }

void onlooker::stop()
{
    stopping_ = true;
    if (thread_.joinable())
        thread_.join();
}

void onlooker::run()
{
    for (std::size_t turn = 0; !stopping_; ++turn)
    {
        const auto whose = turn % of_.size();
        const auto port = ports_[(turn / of_.size()) % ports_.size()];
        caller by{port, of_[whose].api_key, answer_within};
        read_csv(by, whose);
        read_pages(by, whose);
    }
}

// A refusal is told apart from a list, and must be one that is promised while something is away.
bool onlooker::is_list(const answer& got)
{
    if (got.status() == 200)
        return true;
    ++told_.counted["lists refused or lost"];
    if (got.answered() && !(got.status() == 503 && got.reply.header("Retry-After")))
        told_.add("a list was answered " + std::to_string(got.status()) + ' ' + got.reply.body);
    kit::eventually([&] { return stopping_.load(); }, pause_max);
    return false;
}

void onlooker::see(const std::string& text, std::size_t whose, std::vector<std::string>& ids)
{
    for (const auto& id : tasks_in(text, text.starts_with('{') ? R"("id":")" : "\n"))
    {
        ids.push_back(id);
        seen_[whose].insert(id);
    }
}

void onlooker::read_csv(caller& by, std::size_t whose)
{
    const auto got = by.call({.target = "/api/v1/tasks?archived=any", .headers = {{"Accept", "text/csv"}}});
    if (!is_list(got))
        return;
    std::vector<std::string> ids;
    see(got.reply.body, whose, ids);
    ++told_.counted["CSV files read"];
    std::sort(ids.begin(), ids.end());
    told_.expect(std::adjacent_find(ids.begin(), ids.end()) == ids.end(), "a CSV file names a task twice");
}

void onlooker::read_pages(caller& by, std::size_t whose)
{
    std::vector<std::string> ids;
    std::string cursor;
    do
    {
        const auto got = by.get("/api/v1/tasks?archived=any&limit=20" + (cursor.empty() ? "" : "&cursor=" + cursor));
        if (!is_list(got))
            return;
        see(got.reply.body, whose, ids);
        cursor = text_member(got.reply.body, "next_cursor");
        ++told_.counted["pages read"];
    } while (!cursor.empty() && !stopping_);
    std::sort(ids.begin(), ids.end());
    told_.expect(std::adjacent_find(ids.begin(), ids.end()) == ids.end(), "the pages of a list name a task twice");
}

findings onlooker::check(const site& at) const
{
    findings told = told_;
    for (std::size_t whose = 0; whose < of_.size(); ++whose)
    {
        const auto own = tasks_in_log(at, of_[whose]);
        for (const auto& id : seen_[whose])
            told.expect(own.contains(id), of_[whose].org_id + " was shown " + id + ", which is not its own");
        told.counted["tasks seen"] += static_cast<long>(seen_[whose].size());
    }
    return told;
}
}  // namespace scenario
