#include "tests/kit/scenario/desk.hpp"

#include "tests/kit/paths.hpp"
#include "tests/kit/scenario/builder.hpp"
#include "tests/kit/scenario/desk_at_work.hpp"

#include <algorithm>

namespace scenario
{
namespace
{
constexpr long writes_between = 20;  // answered between two faults
}  // namespace

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

desk_at_work::desk_at_work(site& at, const desk_config& config) : at_(at), config_(config), random_(config.seed)
{
    for (int n = 1; n <= tenants; ++n)
        of_.push_back(at.found("desk-" + std::to_string(n)));
    one_.start();
    other_.start();
    for (const auto& each : of_)
        following_.push_back(std::make_unique<follower>(ports(), each));
    reading_ = std::make_unique<onlooker>(ports(), of_);
}

findings desk_at_work::go()
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

std::string desk_at_work::story()
{
    return "\nfaults:" + trail_ + "\nthe load: " + (load_ ? last_of(load_->output() + load_->errors()) : "") +
           "\none server: " + last_of(one_.log()) + "\nthe other: " + last_of(other_.log());
}

kit::launch desk_at_work::loader(std::vector<std::string> more) const
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

kit::finished desk_at_work::ask(std::vector<std::string> words) const
{
    for (const auto& each : {std::string{"--data"}, (at_.room.path() / "office").string(), std::string{"--dsn"},
                             at_.db.dsn("postgres"), std::string{"--no-input"}, std::string{"--json"}})
        words.push_back(each);
    return kit::run({.program = kit::program("clientflow"), .arguments = std::move(words)}, kit::milliseconds{300'000});
}

kit::finished desk_at_work::ask_until_done(const std::vector<std::string>& words) const
{
    kit::finished last;
    kit::eventually(
        [&] {
            last = ask(words);
            return last.end.exit_code == 0;
        },
        2 * patience);
    return last;
}

void desk_at_work::expect_done(const kit::finished& last, const std::vector<std::string>& words)
{
    told_.expect(last.end.exit_code == 0, words[0] + ' ' + words[1] + " ended with " +
                                              std::to_string(last.end.exit_code) + ": " + last.output.substr(0, 2'000) +
                                              last.errors);
}

void desk_at_work::until_done(const std::vector<std::string>& words) { expect_done(ask_until_done(words), words); }

// The load is at work, and goes on: some more of its writes are answered.
void desk_at_work::await_writes()
{
    const auto answered = [&] { return at_.count("select count(*) from es.receipt where key like 'helpdesk-%'"); };
    const long until = answered() + writes_between;
    kit::await(
        "the load's next writes", [&] { return answered() >= until || !load_->running(); }, 2 * patience);
    told_.expect(load_->running(), "the load has ended before the faults: " + load_->output() + load_->errors());
}

// In an order of their own, and between two of them the load goes on.
void desk_at_work::go_through(std::vector<fault> faults)
{
    std::shuffle(faults.begin(), faults.end(), random_);
    for (const auto each : faults)
    {
        (this->*each)();
        await_writes();
    }
}

void desk_at_work::go_through_faults()
{
    using desk = desk_at_work;
    std::vector<fault> faults{&desk::kill_a_server,    &desk::kill_a_server,  &desk::kill_a_server,
                              &desk::restart_database, &desk::crash_database, &desk::freeze_a_server,
                              &desk::replay_poison,    &desk::discard_poison, &desk::audit};
    if (config_.in_full)
        faults.insert(faults.end(),
                      {&desk::stop_a_server, &desk::end_sessions, &desk::lose_everything_at_once, &desk::lose_a_cache,
                       &desk::freeze_through_a_crash, &desk::cut_the_link, &desk::stall_the_link,
                       &desk::go_back_and_forth, &desk::rebuild_a_tenant, &desk::be_without_database,
                       &desk::poison_of_a_later_version, &desk::write_the_largest, &desk::read_slowly});
    builder beside{at_};
    go_through(std::move(faults));
    told_.add(beside.finish(), "");
    await_writes();
    if (config_.in_full)
    {
        // What is done to the live version alone, or to every version at once: while none is being built.
        go_through({&desk::damage_and_repair, &desk::swap_under_an_analyst, &desk::poison_of_a_later_type,
                    &desk::fill_the_logs_disk, &desk::fill_a_caches_disk});
        restart_during_a_rebuild();
        await_writes();
    }
    audit();
}

findings run_a_desk(site& at, const desk_config& config)
{
    desk_at_work desk{at, config};
    try
    {
        return desk.go();
    }
    catch (const std::exception& late)
    {
        throw std::runtime_error(late.what() + desk.story());
    }
}
}  // namespace scenario
