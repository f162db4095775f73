#include "tests/kit/scenario/load.hpp"

#include "tests/kit/eventually.hpp"
#include "tests/kit/scenario/members.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <random>
#include <set>
#include <sstream>

namespace scenario
{
namespace
{
using steady = std::chrono::steady_clock;

constexpr kit::milliseconds away_max{60'000};  // how long a client waits for the server to come back
constexpr std::size_t addresses = 4;            // that a client's members share: taken, freed, taken again
constexpr std::size_t things_max = 40;          // of a kind that a client goes on working on

struct operation
{
    std::string name;
    request asked;
    bool changes = false;    // a 2xx to it always writes exactly one event
    bool is_open = false;    // the last attempt may have been applied
    bool was_lost = false;   // some attempt may have been
    bool was_checked = false;
    int status = 0;          // of the definite answer
    std::string item;
};

struct task
{
    std::string id;
    std::int64_t version = 0;
};
}  // namespace

class load::client
{
public:
    client(load& of, int number, std::uint16_t port)
        : of_(of)
        , number_(number)
        , port_(port)
        , caller_(port, of.as_.api_key)
        , random_(of.config_.seed * 1'000 + static_cast<std::uint32_t>(number))
    {
    }

    void work()
    {
        for (int sent = 0; of_.config_.commands_max == 0 || sent < of_.config_.commands_max; ++sent)
        {
            if (of_.stopping_)
                return;
            operation& made = think();
            attempt(made);
            while (made.is_open && of_.config_.repeats && chance(2) && !of_.stopping_)
                attempt(made);
        }
    }

    void settle()
    {
        for (operation& each : operations_)
            if (each.is_open)
                kit::await("an answer to " + each.name,
                           [&]
                           {
                               attempt(each);
                               return !each.is_open;
                           },
                           away_max);
    }

    void replay(findings& told)
    {
        for (operation& each : operations_)
            if (each.status >= 200 && each.status < 300 && !each.is_open && !each.was_checked)
                replay(each, told);
    }

    const std::deque<operation>& operations() const { return operations_; }

    figures counted;

private:
    std::size_t pick(std::size_t below) { return std::uniform_int_distribution<std::size_t>{0, below - 1}(random_); }
    bool chance(std::size_t one_in) { return pick(one_in) == 0; }

    operation& add(request asked, bool changes)
    {
        operation made;
        made.name = "c" + std::to_string(number_) + "n" + std::to_string(operations_.size());
        asked.idempotency_key = of_.config_.prefix + '-' + made.name;
        made.asked = std::move(asked);
        made.changes = changes;
        operations_.push_back(std::move(made));
        return operations_.back();
    }

    std::string words() { return "w" + std::to_string(random_()) + " ü"; }

    operation& think()
    {
        if (projects_.empty() || chance(10))
            return add({"POST", "/api/v1/projects", R"({"name": ")" + words() + R"("})"}, true);
        if (chance(8))
            return add(
                {"POST", "/api/v1/clients",
                 R"({"name": ")" + words() + R"(", "email": "p)" + std::to_string(random_()) + R"(@example.org"})"},
                true);
        if (chance(8))
            return think_of_members();
        if (tasks_.empty() || chance(4))
            return add({"POST", "/api/v1/tasks",
                        R"({"project_id": ")" + projects_[pick(projects_.size())] + R"(", "title": ")" + words() +
                            R"("})"},
                       true);
        return think_of(tasks_[pick(tasks_.size())]);
    }

    // Claims: an address is refused while a member has it, and is free once that member is removed.
    operation& think_of_members()
    {
        if (!members_.empty() && chance(3))
            return add({"DELETE", "/api/v1/members/" + members_[pick(members_.size())], ""}, false);
        const std::string address = of_.config_.prefix + 'c' + std::to_string(number_) + 'a' +
                                    std::to_string(pick(addresses)) + "@example.org";
        return add(
            {"POST", "/api/v1/members", R"({"name": ")" + words() + R"(", "email": ")" + address + R"("})"}, true);
    }

    operation& think_of(const task& one)
    {
        static constexpr const char* verbs[] = {"start", "wait", "complete", "reopen", "archive", "restore"};
        const std::string path = "/api/v1/tasks/" + one.id;
        switch (pick(9))
        {
        case 0: return add({"PATCH", path, R"({"title": ")" + words() + R"("})"}, true);
        case 1: return add({"POST", path + "/comments", R"({"body": ")" + words() + R"("})"}, true);
        case 2:
        {
            auto& made = add({"PATCH", path, R"({"title": ")" + words() + R"("})"}, true);
            made.asked.if_match = '"' + std::to_string(chance(3) ? one.version + 1'000 : one.version) + '"';
            return made;
        }
        case 3: return add({"PATCH", path, R"({"title": 17, "colour": true})"}, false);
        case 4: return add({"PATCH", path, "{}"}, false);
        case 5:
            return add(
                {"POST", "/api/v1/tasks", R"({"project_id": "project_0000000000000000000000000a", "title": "t"})"},
                false);
        default: return add({"POST", path + '/' + verbs[pick(std::size(verbs))], ""}, false);
        }
    }

    void attempt(operation& of)
    {
        const std::string mark = of_.log_.attempt(of.name);
        of.asked.request_id = mark;
        const auto began = steady::now();
        const answer told = caller_.call(of.asked);
        const long took = std::chrono::duration_cast<kit::milliseconds>(steady::now() - began).count();
        ++counted.attempts;
        ++of_.attempts_;
        if (told.how == heard::nothing_sent)
            await_server();
        else
            counted.slowest_ms = std::max(counted.slowest_ms, took);
        take(of, mark, told);
    }

    // A server that is away is no reason to ask a thousand times a second.
    void await_server()
    {
        caller_.disconnect();
        kit::eventually([&] { return of_.stopping_ || listens(port_); }, away_max);
    }

    void take(operation& of, const std::string& mark, const answer& told)
    {
        using outcome = kit::op_log::outcome;
        judge_form(told);
        if (told.is_success())
        {
            ++counted.answered;
            of_.log_.note(mark, of.changes ? outcome::done : outcome::unchanged);
            conclude(of, told);
            learn(of, told);
        }
        else if (told.is_definite_no())
        {
            of_.log_.note(mark, outcome::refused);
            told.status() == 503 || told.how == heard::nothing_sent ? ++counted.unavailable : ++counted.refused;
            // What was lost before may still have been applied: only an answer that replays or decides it ends that.
            if (!(of.is_open && (told.status() == 0 || told.status() >= 500 || is_in_flight(told))))
                conclude(of, told);
        }
        else
        {
            of_.log_.note(mark, outcome::unknown);
            told.answered() ? ++counted.unknown : ++counted.lost;
            of.is_open = of.was_lost = true;
        }
    }

    static bool is_in_flight(const answer& told)
    {
        return told.status() == 409 && text_member(told.reply.body, "code") == "idempotency_in_flight";
    }

    static void conclude(operation& of, const answer& told)
    {
        of.is_open = false;
        of.status = told.status();
        of.item = told.reply.body;
    }

    void complain(std::string what)
    {
        if (counted.complaints.size() < problems_max)
            counted.complaints.push_back(std::move(what));
    }

    void judge_form(const answer& told)
    {
        if (!told.answered() || told.status() < 500)
            return;
        if (told.status() != 503 && !of_.config_.breaks)
            complain("answered " + std::to_string(told.status()) + ": " + told.reply.body);
        else if (told.status() == 503 && !told.reply.header("Retry-After"))
            complain("503 without Retry-After: " + told.reply.body);
        const std::string applied = text_member(told.reply.body, "applied");
        if (applied != "no" && applied != "unknown")
            complain("a failure that does not say whether it was applied: " + told.reply.body);
    }

    void learn(const operation& of, const answer& told)
    {
        const std::string id = text_member(told.reply.body, "id");
        if (id.starts_with("project_"))
            remember(projects_, id);
        if (id.starts_with("member_") && of.asked.method == "POST")
            remember(members_, id);
        if (!id.starts_with("task_"))
            return;
        const auto version = integer_member(told.reply.body, "version");
        const auto known = std::find_if(tasks_.begin(), tasks_.end(), [&](const task& each) { return each.id == id; });
        if (known != tasks_.end())
            known->version = std::max(known->version, version);
        else if (of.asked.target == "/api/v1/tasks")
            remember(tasks_, task{id, version});
    }

    template <class Thing>
    void remember(std::vector<Thing>& known, Thing one)
    {
        if (known.size() < things_max)
            known.push_back(std::move(one));
        else
            known[pick(known.size())] = std::move(one);
    }

    void replay(operation& of, findings& told)
    {
        request again = of.asked;
        again.request_id = of_.log_.attempt(of.name);
        answer got;
        kit::eventually(
            [&]
            {
                got = caller_.call(again);
                return got.answered() && got.status() < 500;
            },
            away_max);
        of_.log_.note(again.request_id, kit::op_log::outcome::unchanged);
        of.was_checked = true;
        ++told.counted["replayed"];
        const std::string what = of.name + ' ' + of.asked.method + ' ' + of.asked.target;
        told.expect(got.status() == of.status, what + " was answered " + std::to_string(of.status) + ", its replay " +
                                                   std::to_string(got.status()) + ' ' + got.reply.body);
        told.expect(got.reply.body == of.item, what + " shows another item when replayed: " + of.item + " then " +
                                                   got.reply.body);
        told.expect(got.is_replayed(), what + " is not marked as replayed");
    }

    load& of_;
    const int number_;
    const std::uint16_t port_;
    caller caller_;
    std::mt19937 random_;
    std::deque<operation> operations_;
    std::vector<std::string> projects_, members_;
    std::vector<task> tasks_;
};

load::load(load_config config, organisation as, std::vector<std::uint16_t> ports)
    : config_(std::move(config)), as_(std::move(as)), log_(config_.prefix)
{
    for (int n = 0; n < config_.clients; ++n)
        clients_.push_back(std::make_unique<client>(*this, n, ports[static_cast<std::size_t>(n) % ports.size()]));
}

load::~load() { stop(); }

void load::start()
{
    stopping_ = false;
    for (const auto& each : clients_)
        threads_.emplace_back([one = each.get()] { one->work(); });
}

void load::join()
{
    for (std::thread& each : threads_)
        each.join();
    threads_.clear();
}

void load::stop()
{
    stopping_ = true;
    join();
}

void load::settle()
{
    stopping_ = false;
    std::vector<std::string> failed(clients_.size());
    for (std::size_t n = 0; n < clients_.size(); ++n)
        threads_.emplace_back(
            [&, n]
            {
                try
                {
                    clients_[n]->settle();
                }
                catch (const std::exception& late)
                {
                    failed[n] = late.what();
                }
            });
    join();
    for (const std::string& each : failed)
        if (!each.empty())
            throw std::runtime_error(each);
}

findings load::replay()
{
    std::vector<findings> told(clients_.size());
    for (std::size_t n = 0; n < clients_.size(); ++n)
        threads_.emplace_back([&, n] { clients_[n]->replay(told[n]); });
    join();
    findings all;
    for (const findings& each : told)
        all.add(each, "");
    return all;
}

findings load::check(const site& at)
{
    findings told;
    for (const std::string& each : log_.check(at.db))
        told.add(each);
    std::set<std::string> in_log;
    std::istringstream lines{at.ask("select string_agg(distinct split_part(meta->>'request_id', '.', 2), E'\\n') from "
                                    "es.event where meta->>'request_id' like '" + config_.prefix + ".%'")};
    for (std::string name; std::getline(lines, name);)
        in_log.insert(name);
    for (const auto& each : clients_)
        for (const operation& of : each->operations())
        {
            if (of.is_open)
                told.add("still open: " + of.name);
            else if (of.status >= 300 && in_log.contains(of.name))
                told.add("refused with " + std::to_string(of.status) + " at last, but in the log: " + of.name + ' ' +
                         of.asked.method + ' ' + of.asked.target);
            told.counted["commands"] += 1;
            if (of.asked.target == "/api/v1/members")
                told.counted[of.status == 201 ? "addresses taken" : "addresses refused"] += 1;
            told.counted["once lost"] += of.was_lost ? 1 : 0;
            told.counted["lost, then found applied"] += of.was_lost && of.status < 300 ? 1 : 0;
        }
    for (const std::string& each : counted().complaints)
        told.add(each);
    return told;
}

load::figures load::counted() const
{
    figures all;
    for (const auto& each : clients_)
    {
        const figures& one = each->counted;
        all.attempts += one.attempts;
        all.answered += one.answered;
        all.refused += one.refused;
        all.lost += one.lost;
        all.unavailable += one.unavailable;
        all.unknown += one.unknown;
        all.slowest_ms = std::max(all.slowest_ms, one.slowest_ms);
        all.complaints.insert(all.complaints.end(), one.complaints.begin(), one.complaints.end());
    }
    return all;
}
}  // namespace scenario
