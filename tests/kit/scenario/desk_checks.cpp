#include "tests/kit/scenario/builder.hpp"
#include "tests/kit/scenario/caller.hpp"
#include "tests/kit/scenario/desk_at_work.hpp"
#include "tests/kit/scenario/invariants.hpp"
#include "tests/kit/scenario/members.hpp"

#include <csignal>

namespace scenario
{
void desk_at_work::interrupt_the_load()
{
    load_->kill(SIGINT);
    const auto ended = load_->wait(patience);
    told_.expect(ended && ended->exit_code == 130,
                 "the load was not interrupted: " + load_->output() + load_->errors());
}

void desk_at_work::finish_the_load()
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
void desk_at_work::check_answers()
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
        "                              and data->>'name' like 'Planted %')"
        "   and not exists (select from es.receipt r" +
        of_load +
        "                      and (r.tenant_id, r.category, r.stream_id, r.version) ="
        "                          (e.tenant_id, e.category, e.stream_id, e.version))");
    told_.expect(unasked.empty(), "events that no answer speaks of: " + unasked.substr(0, 1'000));
}

void desk_at_work::check_readers()
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

void desk_at_work::check_store_and_versions()
{
    audit();
    told_.add(check_store(at_), "");
    const auto built = ask({"projection", "rebuild", "--all"});
    told_.expect(built.end.exit_code == 0, "the last rebuild ended: " + built.output + built.errors);
    told_.add(compare_versions(at_), "");
}

void desk_at_work::check_servers()
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
}  // namespace scenario
