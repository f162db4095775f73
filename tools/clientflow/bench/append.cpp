// `bench append`: rounds through the store's append function, and the bare INSERT beside it.
//
// Each writer has a lane, a tenant and a connection of its own. Slices of both kinds take turns, so that a machine that
// slows down slows both.
#include "events/log/connection.hpp"
#include "events/log/meta.hpp"
#include "events/log/seal.hpp"
#include "events/log/wire.hpp"
#include "tools/clientflow/bench/appending.hpp"
#include "tools/clientflow/bench/benches.hpp"
#include "tools/clientflow/database.hpp"

#include <pqxx/binarystring>
#include <pqxx/connection_base>
#include <pqxx/nontransaction>

#include <atomic>
#include <exception>
#include <memory>
#include <thread>

namespace cli::bench
{
namespace
{
using steady = std::chrono::steady_clock;

constexpr int floor_rows = 100;
constexpr double slice_seconds = 1.0;

// What one event of a task's birth weighs.
std::string data_of(const schema::uuid& task)
{
    return R"({"id":"task_)" + task.base32() +
           R"(","project_id":"project_01hz3v5k8qe2r9w7x4n6m1t0ab","title":"Printer on the third floor is silent",)"
           R"("description":null,"status":"todo","priority":"normal","due_on":null,"assignee_ids":[],)"
           R"("estimate_minutes":null,"labels":["Level 2","Group 1"],"parent_id":null})";
}

std::string meta_of(schema::moment now)
{
    event_log::meta made;
    made.by = {event_log::actor_type::key, "key_01hz3v5k8qe2r9w7x4n6m1t0ab"};
    made.request_id = "01hz3v5k8qe2r9w7x4n6m1t0ab";
    made.occurred_at = now;
    std::string text;
    event_log::write_meta(made, {}, text, nullptr);
    return text;
}

// One writer: a lane, its tenant, and what both kinds of slice need.
class writer
{
public:
    writer(const settings& of, event_log::keyring& keys, int lane, const wishes& given)
        : given_(given)
        , lane_(lane)
        , tenant_(ids_.next(now().us))
        , store_(of.store)
        , guard_(std::make_shared<event_log::watchdog>())
        , plain_(plain_config(of), guard_)
    {
        give_birth(keys);
        plain_.raw().prepare("bench_insert",
                             "insert into bench.floor select $1::int, 1, u.seq, 1, clock_timestamp(), u.event_id,"
                             " u.event_id, u.event_id, 'task', 'task.created', u.data, u.meta"
                             " from unnest($2::bigint[], $3::uuid[], $4::json[], $5::json[])"
                             " as u(seq, event_id, data, meta)");
    }

    // The same at a pace, as long as the store keeps up with it.
    std::int64_t pace_until(steady::time_point end)
    {
        const auto pause = std::chrono::duration_cast<steady::duration>(
            std::chrono::duration<double>(given_.round * given_.writers / given_.paced_per_s));
        std::int64_t events = 0;
        for (auto next = steady::now(); next < end && !stop_asked(); next += pause)
        {
            std::this_thread::sleep_until(next);
            events += append_until(steady::time_point::min());
        }
        return events;
    }

    // Events appended until the time is over, a round at least; latencies of the rounds go to `took_ms`.
    std::int64_t append_until(steady::time_point end)
    {
        std::int64_t events = 0;
        do
        {
            const auto round = make_round();
            const auto begun = steady::now();
            for (const auto& each : store_.append(round))
                if (each.kind != event_log::verdict_kind::appended)
                    throw std::runtime_error("a command of the benchmark was refused");
            took_ms.push_back(std::chrono::duration<float, std::milli>(steady::now() - begun).count());
            events += given_.round;
        } while (steady::now() < end && !stop_asked());
        return events;
    }

    std::int64_t insert_until(steady::time_point end)
    {
        std::int64_t events = 0;
        while (steady::now() < end && !stop_asked())
        {
            insert();
            events += floor_rows;
        }
        return events;
    }

    std::vector<float> took_ms;

private:
    static event_log::connection_config plain_config(const settings& of)
    {
        event_log::connection_config made;
        made.dsn = of.admin_dsn;
        return made;
    }
    schema::moment now() const { return clock_.now(); }

    void give_birth(event_log::keyring& keys)
    {
        org_event_ = ids_.next(now().us);
        event_log::command_part born;
        born.tenant = tenant_;
        born.lane = lane_;
        born.events.push_back({org_event_, {tenant_, "org", tenant_}, 1, "org.created", 1, "{}", meta_of(now())});
        born.expected.push_back({{tenant_, "org", tenant_}, {}});
        born.tenant_born = event_log::new_tenant{tenant_, lane_, keys.make_tenant_key(tenant_)};
        event_log::round first{ids_.next(now().us), {}};
        first.commands.push_back(std::move(born));
        store_.append(first);
    }

    event_log::round make_round()
    {
        event_log::round made{ids_.next(now().us), {}};
        const auto meta = meta_of(now());
        made.commands.reserve(static_cast<std::size_t>(given_.round));
        for (int i = 0; i < given_.round; ++i)
        {
            const auto task = ids_.next(now().us);
            const event_log::stream_key stream{tenant_, "task", task};
            auto& command = made.commands.emplace_back();
            command.tenant = tenant_;
            command.lane = lane_;
            command.events.push_back({ids_.next(now().us), stream, 1, "task.created", 1, data_of(task), meta});
            command.expected.push_back({stream, {}});
            command.expected.push_back({{tenant_, "org", tenant_}, {1, org_event_}});
            if (given_.receipts)
                command.remember = receipt_of(stream);
        }
        return made;
    }

    event_log::receipt receipt_of(const event_log::stream_key& shown)
    {
        event_log::receipt made;
        made.tenant = tenant_;
        made.key = shown.id.text();
        made.principal = "key_01hz3v5k8qe2r9w7x4n6m1t0ab";
        std::copy(shown.id.bytes.begin(), shown.id.bytes.end(), made.fingerprint.begin());
        made.status = 201;
        made.shows = shown;
        made.version = 1;
        return made;
    }

    void insert()
    {
        namespace wire = event_log::wire;
        wire::array seqs{wire::int8_oid}, ids{wire::uuid_oid}, data{wire::json_oid}, metas{wire::json_oid};
        const auto meta = meta_of(now());
        for (int i = 0; i < floor_rows; ++i)
        {
            const auto task = ids_.next(now().us);
            seqs.int8(++seq_);
            ids.uuid(task);
            data.text(data_of(task));
            metas.text(meta);
        }
        pqxx::nontransaction work{plain_.raw()};
        work.exec_prepared("bench_insert", lane_, pqxx::binarystring{seqs.take()}, pqxx::binarystring{ids.take()},
                           pqxx::binarystring{data.take()}, pqxx::binarystring{metas.take()});
    }

    const wishes& given_;
    int lane_;
    schema::system_clock clock_;
    schema::uuid_source ids_;
    schema::uuid tenant_;
    schema::uuid org_event_;
    event_log::store store_;
    std::shared_ptr<event_log::watchdog> guard_;
    event_log::connection plain_;
    std::int64_t seq_ = 0;
};

class contest
{
public:
    contest(const settings& of, const wishes& given) : keys_(of.keys)
    {
        database{of.admin_dsn}.ask("create schema bench");
        database{of.admin_dsn}.ask(
            "create table bench.floor (lane int, schema_version int, seq bigint, version bigint, recorded_at "
            "timestamptz,"
            " event_id uuid, tenant_id uuid, stream_id uuid, category text collate \"C\", type text collate \"C\","
            " data json, meta json, primary key (lane, seq))");
        for (int lane = 0; lane < given.writers; ++lane)
            writers_.push_back(std::make_unique<writer>(of, keys_, lane, given));
    }

    // Events per second of one slice.
    double slice(std::int64_t (writer::*work)(steady::time_point), double seconds)
    {
        const auto begun = steady::now();
        const auto end = begun + std::chrono::duration_cast<steady::duration>(std::chrono::duration<double>(seconds));
        std::atomic<std::int64_t> events{0};
        std::vector<std::exception_ptr> broken(writers_.size());
        std::vector<std::thread> threads;
        for (std::size_t i = 0; i < writers_.size(); ++i)
            threads.emplace_back([&, i] {
                try
                {
                    events += (writers_[i].get()->*work)(end);
                }
                catch (...)
                {
                    broken[i] = std::current_exception();
                }
            });
        for (auto& each : threads)
            each.join();
        for (const auto& each : broken)
            if (each)
                std::rethrow_exception(each);
        return static_cast<double>(events) / std::chrono::duration<double>(steady::now() - begun).count();
    }

    double append(double seconds) { return slice(&writer::append_until, seconds); }
    double pace(double seconds) { return slice(&writer::pace_until, seconds); }
    double insert(double seconds) { return slice(&writer::insert_until, seconds); }

    std::vector<float> take_latencies()
    {
        std::vector<float> all;
        for (auto& each : writers_)
        {
            all.insert(all.end(), each->took_ms.begin(), each->took_ms.end());
            each->took_ms.clear();
        }
        return all;
    }

private:
    event_log::keyring keys_;
    std::vector<std::unique_ptr<writer>> writers_;
};

double mean(const std::vector<double>& all)
{
    double sum = 0;
    for (const auto each : all)
        sum += each;
    return all.empty() ? 0 : sum / static_cast<double>(all.size());
}

// Before, at the end of a long time with a transaction held open, and right after it: the last tells what the size of
// the log does and what the transaction. A fresh log is no measure: its first checkpoints are still to come, so events
// are appended for some seconds first. Between the measurements they come at a pace, so that the log stays of a size
// that fits this machine.
void with_held_transaction(report& into, contest& of, const settings& on, const wishes& given, progress& line)
{
    constexpr int slices = 10;
    std::int64_t events = 0;
    const auto measure = [&](std::string_view when) {
        std::vector<double> found;
        for (int i = 0; i < slices && !stop_asked(); ++i)
        {
            found.push_back(of.append(slice_seconds));
            events += static_cast<std::int64_t>(found.back() * slice_seconds);
            line.tell(std::string{when} + ": " + std::to_string(static_cast<int>(found.back())) + " events/s");
        }
        return mean(found);
    };
    for (double spent = 0; spent < given.seconds && !stop_asked(); spent += slice_seconds)
        line.tell("a log to begin with: " + std::to_string(static_cast<int>(of.append(slice_seconds))) + " events/s");
    const double before = measure("before");
    auto held = std::make_unique<held_transaction>(on.admin_dsn);
    for (double spent = slices * slice_seconds; spent < given.hold_seconds && !stop_asked(); spent += slice_seconds)
    {
        const double paced = of.pace(slice_seconds);
        events += static_cast<std::int64_t>(paced * slice_seconds);
        line.tell("transaction held open: " + std::to_string(static_cast<int>(paced)) + " events/s for " +
                  std::to_string(static_cast<int>(given.hold_seconds - spent)) + " s more");
    }
    const double during = measure("transaction held open");
    held.reset();
    const double after = measure("released");
    into.found.emplace_back("events_per_s", during);
    into.found.emplace_back("events_per_s_released", after);
    into.found.emplace_back("paced_per_s", given.paced_per_s);
    into.found.emplace_back("events", static_cast<double>(events));
    into.floor.emplace_back("events_per_s_before", before);
    into.ratio = before > 0 ? during / before : 0;
}

void against_floor(report& into, contest& of, const wishes& given, progress& line)
{
    std::vector<double> found, floor;
    of.append(slice_seconds);  // warms caches, plans and statistics
    of.take_latencies();
    for (double spent = 0; spent < given.seconds && !stop_asked(); spent += 2 * slice_seconds)
    {
        floor.push_back(of.insert(slice_seconds));
        found.push_back(of.append(slice_seconds));
        line.tell("append " + std::to_string(static_cast<int>(found.back())) + " events/s, floor " +
                  std::to_string(static_cast<int>(floor.back())));
    }
    auto took = of.take_latencies();
    into.found.emplace_back("events_per_s", mean(found));
    into.found.emplace_back("round_p50_ms", quantile(took, 0.5));
    into.found.emplace_back("p99_ms", quantile(took, 0.99));
    into.floor.emplace_back("events_per_s", mean(floor));
    into.ratio = mean(found) / mean(floor);
}
}  // namespace

struct appending::implementation
{
    implementation(const settings& on, const wishes& given) : of(on, given) {}
    contest of;
};

appending::appending(const settings& of, const wishes& given) : self_(std::make_unique<implementation>(of, given)) {}
appending::~appending() = default;

double appending::events_per_second(double seconds) { return self_->of.append(seconds); }

report append(const settings& configured, const wishes& given, progress& line)
{
    const ground here{configured};
    report made;
    made.name = "append";
    made.under = here.measured();
    made.under.rows = given.round;
    made.under.seconds = given.hold_seconds > 0 ? given.hold_seconds : given.seconds;
    made.under.connections = given.writers;
    made.under.variant = given.receipts ? "receipts and org head checked" : "without receipts";
    contest of{here.of(), given};
    if (given.hold_seconds > 0)
    {
        made.under.variant += ", a transaction held open";
        with_held_transaction(made, of, here.of(), given, line);
    }
    else
        against_floor(made, of, given, line);
    return made;
}
}  // namespace cli::bench
