#include "schemas/uuid.hpp"
#include "tests/kit/let_pass.hpp"
#include "tests/kit/scenario/caller.hpp"
#include "tests/kit/scenario/desk_at_work.hpp"
#include "tests/kit/scenario/held.hpp"
#include "tests/kit/scenario/members.hpp"
#include "tests/kit/small_disk.hpp"

#include <csignal>
#include <future>

namespace scenario
{
namespace
{
constexpr std::size_t body_max = 256 * 1024;
constexpr std::size_t batch_max = 1024 * 1024;
constexpr int description_max = 10'000;  // code points, of a project

std::string repeated(std::string_view what, int times)
{
    std::string made;
    for (int i = 0; i < times; ++i)
        made += what;
    return made;
}

// An object of this many bytes: what is missing is white space before its end.
std::string filled(std::string members, std::size_t bytes)
{
    std::string made = "{" + std::move(members);
    made.append(bytes - 1 - made.size(), ' ');
    return made + '}';
}

// As a client that escapes all it can sends it: three times the bytes of what is kept.
std::string largest_project(const std::string& name, std::string_view low_surrogate)
{
    return R"("name": ")" + name + R"(", "description": ")" +
           repeated("\\ud83d" + std::string{low_surrogate}, description_max) + '"';
}

std::string uuid_of(const std::string& project) { return schema::type_id<"project">::parse(project)->value.text(); }

std::string live_table(const site& at, const std::string& name)
{
    return at.ask("select rows_in from read.projection where state = 'live' and projection = '" + name + '\'');
}

long figure_of(const node& of, const std::string& name)
{
    const auto text = of.metrics();
    const auto at = text.find("\n" + name + " ");
    return at == std::string::npos ? 0 : std::stol(text.substr(at + name.size() + 2));
}
}  // namespace

// Again and again, to whichever server, until it is answered so, or otherwise for good.
std::string desk_at_work::send_until(int status, const organisation& whose, const request& asked)
{
    answer got;
    kit::eventually(
        [&] {
            got = caller{any_node().port(), whose.api_key}.call(asked);
            return got.status() == status || (got.status() >= 400 && got.is_definite_no() && got.status() < 409);
        },
        patience);
    if (got.status() != status)
        throw std::runtime_error(asked.method + ' ' + asked.target + " was answered " + std::to_string(got.status()) +
                                 " instead of " + std::to_string(status) + ": " + got.reply.body.substr(0, 1'000));
    return got.reply.body;
}

std::string desk_at_work::send_until(int status, const organisation& whose, const std::string& method,
                                     const std::string& target, const std::string& body)
{
    return send_until(
        status, whose,
        {.method = method, .target = target, .body = body, .idempotency_key = "planted-" + std::to_string(++planted_)});
}

std::string desk_at_work::make(const organisation& whose, const std::string& noun, const std::string& name)
{
    return text_member(send_until(201, whose, "POST", "/api/v1/" + noun, R"({"name": ")" + name + R"("})"), "id");
}

// -- Events that nobody can fold

void desk_at_work::poison(poison_kind kind, bool is_discarded)
{
    const bool is_type = kind == poison_kind::unknown_type, is_version = kind == poison_kind::unknown_version;
    const std::string what = is_type        ? "events of a later type"
                             : is_version   ? "events of a later version"
                             : is_discarded ? "poisons discarded"
                                            : "poisons replayed";
    trail_ += ' ' + what;
    const auto name = "Planted " + std::to_string(planted_);
    const auto planted =
        plant_poison(at_, kind, name, make(any_organisation(), is_type ? "api-keys" : "projects", name));
    const auto parked = [&] {
        return at_.ask("select string_agg(distinct kind, ',') from read.parked where discarded_at is null");
    };
    const std::string wanted = is_type ? "unknown_type" : "cannot_decode";
    kit::await(
        "the poison to be parked as " + wanted, [&] { return parked() == wanted; }, patience);
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
    ++told_.counted[what];
}

// A version that is being built may stop at it after the others were freed.
void desk_at_work::free_stopped_keys(const poisoned& planted, bool by_name)
{
    kit::finished last;
    kit::await(
        "the stopped keys to be free",
        [&] {
            last = ask({"parked", "replay", by_name ? planted.thing : "--all"});
            return at_.count("select count(*) from read.parked") == 0;
        },
        patience);
}

// -- The largest bodies, and streams that nobody reads

// A megabyte, of commands whose facts hold as much text as may be.
void desk_at_work::send_largest_batch(const organisation& whose)
{
    constexpr int commands = 8;
    std::string all;
    for (int n = 0; n < commands; ++n)
    {
        const auto nth = std::to_string(++planted_);
        all += (all.empty() ? "" : ",") +
               std::string{R"({"method": "POST", "path": "/api/v1/projects", "idempotency_key": "planted-)"} + nth +
               R"(", "body": {)" + largest_project("Planted by " + nth, "\\ude00") + "}}";
    }
    send_until(200, whose,
               {.method = "POST",
                .target = "/api/v1/batch",
                .body = filled(R"("atomic": true, "commands": [)" + all + ']', batch_max)});
}

void desk_at_work::write_the_largest()
{
    trail_ += " write the largest";
    const auto& whose = any_organisation();
    send_largest_batch(whose);
    const std::string path = "/api/v1/projects";
    const auto largest = largest_project("Planted at large", "\\ude00");
    const auto id = text_member(send_until(201, whose, "POST", path, filled(largest, body_max)), "id");
    send_until(413, whose, "POST", path, filled(largest, body_max + 1));
    // The fact holds the text before and the one after.
    send_until(200, whose, "PATCH", path + '/' + id, filled(largest_project("Planted anew", "\\ude38"), body_max));
    const auto cats = repeated("\xF0\x9F\x98\xB8", description_max);
    for (const auto port : ports())
        kit::await(
            "the largest text to show",
            [&] {
                return text_member(caller{port, whose.api_key}.get(path + '/' + id).reply.body, "description") == cats;
            },
            patience);
    ++told_.counted["times that the largest was written"];
}

// More is written than a stream's sockets and the server's ring take, and then everybody reads on.
void desk_at_work::read_slowly()
{
    constexpr int batches = 24;
    trail_ += " read slowly";
    const long before = cut_as_slow();
    for (auto& each : following_)
        each->hold();
    const auto& whose = any_organisation();
    for (int n = 0; n < batches; ++n)
        send_largest_batch(whose);
    await_writes();
    kit::let_pass(std::chrono::seconds{3});  // longer than a stream may be full before its reader is slow
    for (auto& each : following_)
        each->go_on();
    const bool was_cut = kit::eventually([&] { return cut_as_slow() > before; }, patience);
    told_.expect(was_cut, "no stream was cut, although its reader took nothing");
    told_.counted["streams cut as slow"] += cut_as_slow() - before;
    ++told_.counted["times that all read slowly"];
}

long desk_at_work::cut_as_slow() const
{
    constexpr const char* name = "clientflow_event_stream_cuts_total{reason=\"slow\"}";
    return figure_of(one_, name) + figure_of(other_, name);
}

// -- What is derived, altered by hand, shown in another version, made anew

void desk_at_work::damage_and_repair()
{
    trail_ += " damage and repair";
    const auto& whose = any_organisation();
    const auto project = uuid_of(make(whose, "projects", "Planted to be damaged"));
    const auto projects = live_table(at_, "project"), tasks = live_table(at_, "task"),
               lines = live_table(at_, "audit_log");
    const auto is_there = [&](const std::string& table, const char* column) {
        return at_.count("select count(*) from " + table + " where " + column + " = '" + project + '\'') == 1;
    };
    kit::await(
        "the project that is to be damaged", [&] { return is_there(projects, "id") && is_there(lines, "entity_id"); },
        patience);
    const auto of_tenant = " where tenant_id = '" + whose.tenant_id() + '\'';
    at_.ask("delete from " + projects + " where id = '" + project + "';update " + lines +
            " set action = 'project.dreamt' where entity_id = '" + project + "';update " + tasks +
            " set title = 'altered' where id in (select id from " + tasks + of_tenant +
            " order by id limit 10);delete from es.claim where scope = 'org.slug' and owner_id = '" +
            whose.tenant_id() + "';insert into es.quota select tenant_id, metric, n + 1, total + 7 from es.quota" +
            of_tenant + " and metric = 'members' order by n desc limit 1");
    const auto found = ask({"audit", "completeness", "--wait", "60"});
    told_.expect(found.end.exit_code == 6, "the audit of what was damaged ended with " +
                                               std::to_string(found.end.exit_code) + ": " + found.errors);
    for (const std::string what : {"row_missing", "row_differs", "claim_missing", "quota_differs"})
        told_.expect(found.output.find("\"what\":\"" + what + '"') != std::string::npos,
                     "the audit does not tell of " + what + ": " + found.output.substr(0, 2'000));
    const std::vector<std::string> words{"audit", "repair", "--apply", "--reason", "It was damaged by hand"};
    expect_done(ask(words), words);
    told_.expect(is_there(projects, "id"), "a row that was removed was not made anew");
    audit();
    ++told_.counted["damages repaired"];
}

// The version before, and this one again; where there was no other yet, nothing.
void desk_at_work::go_back_and_forth()
{
    trail_ += " back and forth";
    if (at_.count("select count(*) from read.projection where projection = 'task' and state = 'former'") == 0)
        return;
    until_done({"projection", "rollback", "task"});
    await_writes();
    until_done({"projection", "rollback", "task"});
    ++told_.counted["times back and forth"];
}

// The API's readers are shown the other version at once; the analyst goes on with what it has begun.
void desk_at_work::swap_under_an_analyst()
{
    trail_ += " swap under an analyst";
    const auto live = [&] { return live_table(at_, "task"); };
    const auto before = live();
    const auto made =
        ask({"analyst", "create", "--name", "desk", "--pass-file", (at_.room.path() / "desk.pgpass").string()});
    expect_done(made, {"analyst", "create"});
    held_transaction query{text_member(made.output, "dsn"), {"set transaction isolation level repeatable read"}};
    const auto count = query.run("select count(*) from tasks");
    query.run("declare long_query no scroll cursor for select id from tasks");
    query.run("fetch 1 from long_query");

    const std::vector<std::string> back{"projection", "rollback", "task"};
    auto swap = std::async(std::launch::async, [&] { return ask_until_done(back); });
    kit::await(
        "the swap that an analyst does not hold up", [&] { return live() != before; }, patience);
    await_writes();
    told_.expect(query.run("select count(*) from tasks") == count,
                 "an analyst's query sees other rows than it began with");
    query.run("fetch all from long_query");
    query.release();
    expect_done(swap.get(), back);
    kit::await(
        "the analyst's view to follow",
        [&] { return at_.ask("select of_table from read.analyst_view where name = 'tasks'") == live(); }, patience);
    until_done(back);
    ++told_.counted["swaps under an analyst"];
}

void desk_at_work::rebuild_a_tenant()
{
    trail_ += " rebuild a tenant";
    for (const char* name : {"task", "member"})
        until_done({"projection", "rebuild", name, "--tenant", any_organisation().org_id});
    ++told_.counted["tenants built anew"];
}

void desk_at_work::audit()
{
    trail_ += " audit";
    const auto seen = ask({"audit", "completeness", "--wait", "60"});
    told_.expect(seen.end.exit_code == 0, "the audit ended with " + std::to_string(seen.end.exit_code) + ": " +
                                              seen.output.substr(0, 2'000) + seen.errors);
    ++told_.counted["audits"];
}

// -- Full disks

bool desk_at_work::has_disks()
{
    if (!kit::small_disk::refused())
        return true;
    ++told_.counted["disks that could not be had"];
    return false;
}

// The log's table is moved to a disk that is then full, and back.
void desk_at_work::fill_the_logs_disk()
{
    constexpr std::size_t room = 32 << 20;
    trail_ += " fill the log's disk";
    if (!has_disks())
        return;
    const auto where = at_.cluster.directory() / "small";
    std::filesystem::create_directory(where);
    kit::run({.program = "/bin/chown",
              .arguments = {"--reference=" + (at_.cluster.directory() / "data").string(), where.string()}});
    kit::small_disk disk{where, static_cast<std::size_t>(at_.count("select pg_table_size('es.event')")) + room};
    at_.ask("create tablespace small location '" + where.string() + '\'');
    at_.ask("alter table es.event set tablespace small");
    await_writes();
    const auto errors = [&] { return times(at_.cluster.log(), "No space left on device"); };
    const auto before = errors();
    disk.fill();
    kit::await(
        "writes that find no room", [&] { return errors() > before; }, patience);
    for (node* each : {&one_, &other_})
        told_.expect(each->running(), "a server has ended because the log's disk is full\n" + each->log());
    disk.free();
    await_writes();
    at_.ask("alter table es.event set tablespace pg_default");
    at_.ask("drop tablespace small");
    ++told_.counted["full disks of the log"];
}

// A server whose cache finds no room works without one, and keeps one again by itself.
void desk_at_work::fill_a_caches_disk()
{
    constexpr std::size_t room = 512 << 20;
    trail_ += " fill a cache's disk";
    if (!has_disks())
        return;
    node& victim = any_node();
    const auto cache = victim.config.data / "cache";
    victim.stop();
    std::filesystem::remove_all(cache);
    std::filesystem::create_directory(cache);
    {
        kit::small_disk disk{cache, room};
        const auto await_cache = [&](long is_usable) {
            kit::await(
                "a cache that can be used: " + std::to_string(is_usable),
                [&] { return figure_of(victim, "clientflow_projection_cache_usable") == is_usable; }, 2 * patience);
        };
        victim.start();
        await_cache(1);
        disk.fill();
        await_cache(0);
        await_writes();
        disk.free();
        await_cache(1);
        await_writes();
        victim.stop();
    }
    victim.start();
    ++told_.counted["full disks of a cache"];
}
}  // namespace scenario
