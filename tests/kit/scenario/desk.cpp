#include "tests/kit/scenario/desk.hpp"

#include "tests/kit/paths.hpp"
#include "tests/kit/process.hpp"
#include "tests/kit/scenario/builder.hpp"
#include "tests/kit/scenario/caller.hpp"
#include "tests/kit/scenario/follower.hpp"
#include "tests/kit/scenario/invariants.hpp"
#include "tests/kit/scenario/members.hpp"
#include "tests/kit/scenario/node.hpp"
#include "tests/kit/scenario/onlooker.hpp"
#include "tests/kit/scenario/poison.hpp"
#include "tests/kit/scenario/sharing.hpp"

#include <algorithm>
#include <csignal>
#include <memory>
#include <random>
#include <sstream>

namespace scenario
{
namespace
{
constexpr int tenants = 8;
constexpr kit::milliseconds patience{60'000};
constexpr long writes_between = 20;  // answered between two faults

int times(const std::string& text, const std::string& what)
{
    int found = 0;
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
        ++found;
    return found;
}

std::string last_of(const std::string& text)
{
    constexpr std::size_t bytes_max = 3'000;
    return text.size() <= bytes_max ? text : "…" + text.substr(text.size() - bytes_max);
}

// Everything that takes part, from the first write to the last question.
class desk
{
public:
    desk(site& at, const desk_config& config) : at_(at), config_(config), random_(config.seed)
    {
        for (int n = 1; n <= tenants; ++n)
            of_.push_back(at.found("desk-" + std::to_string(n)));
        one_.start();
        other_.start();
        for (const auto& each : of_)
            following_.push_back(std::make_unique<follower>(ports(), each));
        reading_ = std::make_unique<onlooker>(ports(), of_);
    }

    findings go()
    {
        load_ = std::make_unique<kit::process>(loader({"--rate", std::to_string(config_.writes_per_s)}));
        await_writes();
        for (int round = 0; round < config_.rounds; ++round)
            go_through_faults();
        interrupt_the_load();
        finish_the_load();
        check_answers();
        check_readers();
        check_store_and_versions();
        check_servers();
        return told_;
    }

    // What was done, and what those who took part have to say of it.
    std::string story()
    {
        return "\nfaults:" + trail_ + "\nthe load: " + (load_ ? last_of(load_->output() + load_->errors()) : "") +
               "\none server: " + last_of(one_.log()) + "\nthe other: " + last_of(other_.log());
    }

private:
    using fault = void (desk::*)();

    std::vector<std::uint16_t> ports() const { return {one_.port(), other_.port()}; }
    node& any_node() { return random_() % 2 == 0 ? one_ : other_; }
    kit::launch loader(std::vector<std::string> more) const;
    kit::finished ask(std::vector<std::string> words) const;
    void await_writes();

    void go_through_faults();
    void kill_a_server();
    void freeze_a_server();
    void restart_database();
    void crash_database();
    void replay_poison() { poison(false); }
    void discard_poison() { poison(true); }
    void poison(bool is_discarded);
    void stop_a_server();
    void end_sessions();
    void lose_everything_at_once();
    void lose_a_cache();
    void freeze_through_a_crash();
    void cut_the_link();
    void stall_the_link();
    void go_back_and_forth();
    void rebuild_a_tenant();
    void until_done(const std::vector<std::string>& words);
    void free_stopped_keys(const poisoned&, bool by_name);
    void audit();

    void interrupt_the_load();
    void finish_the_load();
    void check_answers();
    void check_readers();
    void check_store_and_versions();
    void check_servers();

    site& at_;
    const desk_config config_;
    std::mt19937 random_;
    findings told_;
    std::vector<organisation> of_;
    node one_{{.data = at_.data_directory("one"), .dsn = at_.dsn()}};
    node other_{{.data = at_.data_directory("other"), .dsn = at_.through()}};
    std::vector<std::unique_ptr<follower>> following_;
    std::unique_ptr<onlooker> reading_;
    std::unique_ptr<kit::process> load_;
    long writes_ = 0;  // of the whole log
    int planted_ = 0;
    std::string trail_;  // the faults so far
};

kit::launch desk::loader(std::vector<std::string> more) const
{
    kit::launch what{.program = kit::program("clientflow-load"),
                     .arguments = {"--csv", config_.log.string(), "--state", (at_.room.path() / "load").string(),
                                   "--tenants", std::to_string(tenants), "--deal", "--deadline", "5", "--settle", "120",
                                   "--json"}};
    for (const auto port : ports())
        what.arguments.insert(what.arguments.end(), {"--url", "http://127.0.0.1:" + std::to_string(port)});
    for (const auto& each : of_)
        what.arguments.insert(what.arguments.end(), {"--key", each.api_key});
    what.arguments.insert(what.arguments.end(), more.begin(), more.end());
    return what;
}

kit::finished desk::ask(std::vector<std::string> words) const
{
    for (const auto& each : {std::string{"--data"}, (at_.room.path() / "office").string(), std::string{"--dsn"},
                             at_.db.dsn("postgres"), std::string{"--no-input"}, std::string{"--json"}})
        words.push_back(each);
    return kit::run({.program = kit::program("clientflow"), .arguments = std::move(words)}, kit::milliseconds{300'000});
}

// The load is at work, and goes on: some more of its writes are answered.
void desk::await_writes()
{
    const auto answered = [&] { return at_.count("select count(*) from es.receipt where key like 'helpdesk-%'"); };
    const long until = answered() + writes_between;
    kit::await(
        "the load's next writes", [&] { return answered() >= until || !load_->running(); }, 2 * patience);
    told_.expect(load_->running(), "the load has ended before the faults: " + load_->output() + load_->errors());
}

void desk::go_through_faults()
{
    std::vector<fault> faults{&desk::kill_a_server,    &desk::kill_a_server,  &desk::kill_a_server,
                              &desk::restart_database, &desk::crash_database, &desk::freeze_a_server,
                              &desk::replay_poison,    &desk::discard_poison, &desk::audit};
    if (config_.in_full)
        faults.insert(faults.end(), {&desk::stop_a_server, &desk::end_sessions, &desk::lose_everything_at_once,
                                     &desk::lose_a_cache, &desk::freeze_through_a_crash, &desk::cut_the_link,
                                     &desk::stall_the_link, &desk::go_back_and_forth, &desk::rebuild_a_tenant});
    std::shuffle(faults.begin(), faults.end(), random_);
    builder beside{at_};
    for (const auto each : faults)
    {
        (this->*each)();
        await_writes();
    }
    told_.add(beside.finish(), "");
    await_writes();
    audit();
}

void desk::kill_a_server()
{
    node& victim = any_node();
    trail_ += &victim == &one_ ? " kill one" : " kill other";
    victim.kill();
    const auto ended = victim.wait(kit::milliseconds{10'000});
    told_.expect(ended && ended->signal == SIGKILL, "a server was not killed: it had ended before\n" + victim.log());
    await_writes();
    told_.counted["slowest start ms"] = std::max(told_.counted["slowest start ms"], long{victim.start().count()});
    ++told_.counted["kills"];
}

void desk::freeze_a_server()
{
    await_sharing(at_);
    node& victim = any_node();
    trail_ += &victim == &one_ ? " freeze one" : " freeze other";
    victim.freeze();
    expect_taken(at_, "frozen", told_);
    await_writes();
    victim.thaw();
    await_sharing(at_);
    ++told_.counted["freezes"];
}

void desk::restart_database()
{
    trail_ += " restart database";
    at_.cluster.stop_fast();
    at_.cluster.start();
    ++told_.counted["restarts of the database"];
}

void desk::crash_database()
{
    trail_ += " crash database";
    at_.cluster.stop_immediate();
    at_.cluster.start();
    ++told_.counted["crashes of the database"];
}

void desk::stop_a_server()
{
    node& victim = any_node();
    trail_ += &victim == &one_ ? " stop one" : " stop other";
    const auto ended = victim.stop();
    told_.expect(ended == kit::ending{0, 0}, "a server did not end well when asked to\n" + last_of(victim.log()));
    await_writes();
    victim.start();
    ++told_.counted["orderly stops"];
}

void desk::end_sessions()
{
    constexpr int rounds = 5;
    trail_ += " end sessions";
    for (int round = 0; round < rounds; ++round)
    {
        at_.cluster.terminate_backends();
        await_writes();
    }
    ++told_.counted["times that all sessions were ended"];
}

void desk::lose_everything_at_once()
{
    trail_ += " lose everything";
    for (node* each : {&one_, &other_})
        each->kill();
    at_.cluster.stop_immediate();
    for (node* each : {&one_, &other_})
        each->wait(kit::milliseconds{10'000});
    at_.cluster.start();
    for (node* each : {&one_, &other_})
        each->start();
    ++told_.counted["losses of everything"];
}

void desk::lose_a_cache()
{
    node& victim = any_node();
    trail_ += &victim == &one_ ? " lose one's cache" : " lose other's cache";
    victim.kill();
    victim.wait(kit::milliseconds{10'000});
    std::filesystem::remove_all(victim.config.data / "cache");
    victim.start();
    ++told_.counted["caches lost"];
}

// What it thinks it owns, and its sessions, are of a time before the crash.
void desk::freeze_through_a_crash()
{
    await_sharing(at_);
    node& victim = any_node();
    trail_ += &victim == &one_ ? " freeze one through a crash" : " freeze other through a crash";
    victim.freeze();
    at_.cluster.stop_immediate();
    at_.cluster.start();
    await_taken(at_);
    await_writes();
    victim.thaw();
    await_sharing(at_);
    ++told_.counted["freezes through a crash"];
}

// Its sessions live on at the database without it, and it can make no others; then it can.
void desk::cut_the_link()
{
    await_sharing(at_);
    trail_ += " cut the link";
    at_.link.refuse();
    at_.link.half_open();
    await_taken(at_);
    await_writes();
    at_.link.heal();
    await_sharing(at_);
    ++told_.counted["links cut"];
}

// Packets vanish until it has lost its lanes; then those from before arrive.
void desk::stall_the_link()
{
    await_sharing(at_);
    trail_ += " stall the link";
    at_.link.stall();
    await_taken(at_);
    await_writes();
    at_.link.heal();
    await_sharing(at_);
    ++told_.counted["links stalled"];
}

// Until it is so: another version may be on its way, or the lane too busy.
void desk::until_done(const std::vector<std::string>& words)
{
    kit::finished last;
    const bool is_done = kit::eventually(
        [&] {
            last = ask(words);
            return last.end.exit_code == 0;
        },
        2 * patience);
    told_.expect(is_done,
                 words[1] + " ended with " + std::to_string(last.end.exit_code) + ": " + last.output + last.errors);
}

// The version before, and this one again; where there was no other yet, nothing.
void desk::go_back_and_forth()
{
    trail_ += " back and forth";
    if (at_.count("select count(*) from read.projection where projection = 'task' and state = 'former'") == 0)
        return;
    until_done({"projection", "rollback", "task"});
    await_writes();
    until_done({"projection", "rollback", "task"});
    ++told_.counted["times back and forth"];
}

void desk::rebuild_a_tenant()
{
    trail_ += " rebuild a tenant";
    for (const char* name : {"task", "member"})
        until_done({"projection", "rebuild", name, "--tenant", of_[random_() % of_.size()].org_id});
    ++told_.counted["tenants built anew"];
}

void desk::poison(bool is_discarded)
{
    const auto& whose = of_[random_() % of_.size()];
    const auto name = "Poisoned " + std::to_string(++planted_);
    std::string made;
    kit::await(
        "a project to poison",
        [&] {
            const auto got = caller{any_node().port(), whose.api_key}.call(
                {.method = "POST",
                 .target = "/api/v1/projects",
                 .body = R"({"name": ")" + name + R"("})",
                 .idempotency_key = "poison-" + std::to_string(planted_)});
            made = text_member(got.reply.body, "id");
            return got.status() == 201;
        },
        patience);
    trail_ += is_discarded ? " discard poison" : " replay poison";
    const auto planted = plant_poison(at_, name, made);
    const auto parked = [&] { return at_.count("select count(*) from read.parked where discarded_at is null"); };
    kit::await(
        "the poison to be parked", [&] { return parked() > 0; }, patience);
    await_writes();
    if (is_discarded)
    {
        const auto done = ask({"parked", "discard", "--all", "--reason", "it was planted"});
        told_.expect(done.end.exit_code == 0, "discarding ended: " + done.output + done.errors);
        told_.counted["keys discarded"] +=
            at_.count("select count(*) from read.parked where reason = 'it was planted'");
    }
    mend(at_, planted);
    free_stopped_keys(planted, is_discarded);
    ++told_.counted[is_discarded ? "poisons discarded" : "poisons replayed"];
}

// A version that is being built may stop at it after the others were freed.
void desk::free_stopped_keys(const poisoned& planted, bool by_name)
{
    kit::finished last;
    kit::await(
        "the stopped keys to be free",
        [&] {
            last = ask({"parked", "replay", by_name ? planted.project : "--all"});
            return at_.count("select count(*) from read.parked") == 0;
        },
        patience);
}

void desk::audit()
{
    trail_ += " audit";
    const auto seen = ask({"audit", "completeness", "--wait", "60"});
    told_.expect(seen.end.exit_code == 0, "the audit ended with " + std::to_string(seen.end.exit_code) + ": " +
                                              seen.output.substr(0, 2'000) + seen.errors);
    ++told_.counted["audits"];
}

void desk::interrupt_the_load()
{
    load_->kill(SIGINT);
    const auto ended = load_->wait(patience);
    told_.expect(ended && ended->exit_code == 130,
                 "the load was not interrupted: " + load_->output() + load_->errors());
}

void desk::finish_the_load()
{
    const auto rest = kit::run(loader({}), config_.rest_max);
    told_.expect(rest.end.exit_code == 0, "the load ended with " + std::to_string(rest.end.exit_code) + ": " +
                                              rest.output.substr(0, 4'000) + rest.errors);
    told_.expect(times(rest.output, R"("differences":[])") == tenants,
                 "not all organisations show what they should: " + rest.output.substr(0, 4'000));
    writes_ = integer_member(rest.output, "writes");
    told_.counted["writes"] = writes_;
    told_.counted["writes during faults"] = integer_member(rest.output, "skipped");

    // Whatever was answered is remembered, and nothing is done again.
    const long events = at_.count("select count(*) from es.event");
    const auto again = kit::run(loader({"--restart"}), config_.rest_max);
    told_.expect(again.end.exit_code == 0, "the load, played again, ended with " + std::to_string(again.end.exit_code) +
                                               ": " + again.output.substr(0, 4'000) + again.errors);
    told_.counted["replayed"] = integer_member(again.output, "replayed");
    told_.expect(integer_member(again.output, "replayed") == writes_ && writes_ > 0,
                 "not every write was remembered: " + again.output.substr(0, 4'000));
    told_.expect(at_.count("select count(*) from es.event") == events, "writes that are repeated made events");
}

// One receipt for each write, and no effect without one.
void desk::check_answers()
{
    const std::string of_load = " where key like 'helpdesk-%'";
    const long receipts = at_.count("select count(*) from es.receipt" + of_load);
    told_.expect(receipts == writes_,
                 std::to_string(receipts) + " receipts for " + std::to_string(writes_) + " writes");
    const long comments = at_.count("select count(*) from es.event where type = 'comment.created'");
    const long of_comments = at_.count("select count(distinct (tenant_id, stream_id)) from es.receipt" + of_load +
                                       " and category = 'comment'");
    told_.expect(comments == of_comments,
                 std::to_string(comments) + " comments for " + std::to_string(of_comments) + " that were answered");
    told_.counted["comments"] = comments;
    // Owners came with their organisations.
    const auto unasked = at_.ask(
        "select string_agg(e.category || ' ' || e.stream_id::text || ' version ' || e.version, ', ') from es.event e"
        " where e.category in ('client', 'project', 'task', 'comment', 'member')"
        "   and e.data->>'role' is distinct from 'owner'"
        "   and e.stream_id not in (select stream_id from es.event where type = 'project.created'"
        "                              and data->>'name' like 'Poisoned %')"
        "   and not exists (select from es.receipt r" +
        of_load +
        "                      and (r.tenant_id, r.category, r.stream_id, r.version) ="
        "                          (e.tenant_id, e.category, e.stream_id, e.version))");
    told_.expect(unasked.empty(), "events that no answer speaks of: " + unasked.substr(0, 1'000));
}

void desk::check_readers()
{
    await_read_models(at_, told_);
    reading_->stop();
    told_.add(reading_->check(at_), "");
    for (std::size_t n = 0; n < of_.size(); ++n)
    {
        const auto own = tasks_in_log(at_, of_[n]);
        for (const auto port : ports())
        {
            const auto got = caller{port, of_[n].api_key}.call(
                {.target = "/api/v1/tasks?archived=any", .headers = {{"Accept", "text/csv"}}});
            const auto ids = tasks_in(got.reply.body, "\n");
            told_.expect(std::set<std::string>(ids.begin(), ids.end()) == own && ids.size() == own.size(),
                         of_[n].org_id + " shows " + std::to_string(ids.size()) + " tasks as CSV and has " +
                             std::to_string(own.size()));
        }
    }
    for (auto& each : following_)
    {
        each->await_all(at_);
        each->stop();
        told_.add(each->check(at_), "");
    }
}

void desk::check_store_and_versions()
{
    audit();
    told_.add(check_store(at_), "");
    const auto built = ask({"projection", "rebuild", "--all"});
    told_.expect(built.end.exit_code == 0, "the last rebuild ended: " + built.output + built.errors);
    told_.add(compare_versions(at_), "");
}

void desk::check_servers()
{
    for (node* each : {&one_, &other_})
    {
        const auto ended = each->stop();
        const auto log = each->log();
        told_.expect(ended == kit::ending{0, 0}, "a server did not end well at last\n" + log);
        for (const char* never : {"assertion failed", "Sanitizer", "runtime error:", "terminate called"})
            told_.expect(log.find(never) == std::string::npos, std::string{"a server said: "} + never);
        told_.counted["log lines"] += times(log, "\n");
    }
}
}  // namespace

findings run_a_desk(site& at, const desk_config& config)
{
    desk at_work{at, config};
    try
    {
        return at_work.go();
    }
    catch (const std::exception& late)
    {
        throw std::runtime_error(late.what() + at_work.story());
    }
}
}  // namespace scenario
