#include "events/feed/store_feed.hpp"

#include "events/feed/bell.hpp"
#include "events/feed/recorded_row.hpp"
#include "events/log/binary_rows.hpp"
#include "events/log/store.hpp"
#include "events/log/wire.hpp"
#include "schemas/text.hpp"

#include <pqxx/pqxx>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <poll.h>
#include <random>
#include <unistd.h>
#include <utility>

namespace event_feed
{
namespace
{
namespace wire = event_log::wire;
using event_log::binary_rows;
using event_log::connection;
using steady = std::chrono::steady_clock;

const std::string weight = std::string{"sum"} + recorded_weight;

// Every lane's rows are weighed before they are read, and cut only when together they are too many bytes: walking twice
// costs less than summing up while handing out (README.md).
const std::string read_batches =
    "with weighed as (select l.lane, l.after, w.bytes, sum(w.bytes) over () as bytes_of_all,"
    "                        count(w.bytes) over () as lanes_busy"
    "                   from unnest($1::int[], $2::bigint[]) as l(lane, after)"
    "                        cross join lateral (select " +
    weight +
    " as bytes from es.event as e"
    "                                             where e.lane = l.lane and e.seq > l.after"
    "                                               and e.seq <= l.after + $3::int) as w)"
    "select " +
    std::string{recorded_columns} +
    "  from weighed as l"
    "       cross join lateral (select * from es.event as e where e.lane = l.lane and e.seq > l.after"
    "                            order by e.seq"
    "                            limit case when l.bytes_of_all <= $4::bigint then $3::int else"
    "   greatest(1, (select count(*) from (select " +
    weight +
    " over (order by e.seq) as bytes from es.event as e"
    "                                       where e.lane = l.lane and e.seq > l.after and e.seq <= l.after + $3::int)"
    "                                     as r where r.bytes <= $4::bigint / l.lanes_busy)) end) as e";

constexpr const char* read_heads =
    "select l.lane, coalesce(last.seq, 0) from unnest($1::int[]) with ordinality as l(lane, nth)"
    "       left join lateral (select e.seq from es.event as e where e.lane = l.lane"
    "                           order by e.seq desc limit 1) as last on true"
    " order by l.nth";

constexpr const char* batches_name = "read_batches";
constexpr const char* heads_name = "read_heads";

constexpr std::size_t event_bytes_guess = 700;
constexpr std::size_t all_lanes = SIZE_MAX;      // more than anybody asks for
constexpr std::chrono::seconds listen_again{5};  // after the listening connection was lost

// PostgreSQL's binary form of an integer.
template <std::size_t Bytes>
std::string big_endian(std::size_t value)
{
    std::string out(Bytes, '\0');
    for (std::size_t i = 0; i < Bytes; ++i)
        out[i] = static_cast<char>(value >> (8 * (Bytes - 1 - i)));
    return out;
}

class ear final : public pqxx::notification_receiver
{
public:
    explicit ear(pqxx::connection_base& on) : pqxx::notification_receiver(on, appended_channel) {}
    void operator()(const std::string&, int) override {}  // being woken is all there is to it
};

struct listening
{
    std::unique_ptr<connection> on;
    std::unique_ptr<ear> hears;

    ~listening() { hears.reset(); }  // before its connection
};
}  // namespace

hole::hole(const position& wanted_at, const position& found_at)
    : std::runtime_error("the log has a hole: lane " + std::to_string(wanted_at.lane) + " has no event " +
                         std::to_string(wanted_at.seq) + " before " + std::to_string(found_at.seq))
    , wanted(wanted_at)
    , found(found_at)
{}

struct store_feed::implementation
{
    explicit implementation(store_feed_config given) : config(std::move(given))
    {
        if (!config.guard)
            config.guard = std::make_shared<event_log::watchdog>();
        rows_max = config.feed.batch_events_max;
        std::array<std::uint8_t, 4> seed{};
        schema::random_bytes(seed);
        jitter.seed(static_cast<unsigned>(seed[0] << 24 | seed[1] << 16 | seed[2] << 8 | seed[3]));
    }

    event_log::connection_config settings(const char* what) const
    {
        event_log::connection_config out;
        out.dsn = config.dsn;
        out.password_file = config.password_file;
        out.application_name = config.application_name + what;
        out.connect_deadline = std::min(config.feed.read_deadline, std::chrono::milliseconds{3'000});
        out.statement_timeout = config.feed.read_deadline;
        out.settings = {{"plan_cache_mode", "force_generic_plan"},
                        {"enable_seqscan", "off"},
                        {"enable_bitmapscan", "off"},
                        {"enable_hashjoin", "off"},
                        {"enable_mergejoin", "off"},
                        {"jit", "off"}};
        return out;
    }

    binary_rows ask(const char* statement, const std::vector<std::string>& parameters);
    binary_rows ask_batches(std::span<const position> after, std::size_t events_max);
    std::size_t rows_per_lane(std::size_t lanes) const;
    void weigh(const std::vector<recorded>& batch);
    void listen();
    int ear_socket() const { return listens.on ? listens.on->raw().sock() : -1; }
    void hear();

    store_feed_config config;
    std::unique_ptr<connection> reads;
    bool is_prepared = false;  // in `reads`
    listening listens;
    steady::time_point listen_not_before{};
    std::minstd_rand jitter;
    std::size_t event_bytes = event_bytes_guess;  // a running average
    std::size_t lanes_busy = all_lanes;           // with events in the last batch
    std::size_t rows_max = 0;                     // per lane; fewer after a failure
    bell woken;
};

binary_rows store_feed::implementation::ask(const char* statement, const std::vector<std::string>& parameters)
{
    const auto until = steady::now() + config.feed.read_deadline;
    for (bool again = false;; again = true)
    {
        if (!reads || reads->lost())
        {
            reads = std::make_unique<connection>(settings(""), config.guard);
            is_prepared = false;
        }
        try
        {
            const connection::deadline limit{*reads, until};
            if (!std::exchange(is_prepared, true))
            {
                event_log::prepare(*reads, batches_name, read_batches);
                event_log::prepare(*reads, heads_name, read_heads);
            }
            return event_log::ask_prepared(*reads, statement, parameters, event_log::arguments_come::as_bytes);
        }
        catch (const std::exception& problem)
        {
            const event_log::failure why = event_log::understand(problem, *reads);
            reads.reset();
            if (again || why.kind != event_log::failure_kind::lost || steady::now() >= until)
                throw event_log::unreachable{"the log cannot be read: " + why.message};
        }
    }
}

// So many that a batch is hardly ever cut, judged by the events seen before.
std::size_t store_feed::implementation::rows_per_lane(std::size_t lanes) const
{
    const std::size_t shared_by = std::clamp<std::size_t>(lanes_busy, 1, std::max<std::size_t>(lanes, 1));
    const std::size_t fitting = config.feed.batch_bytes_max / (event_bytes * shared_by);
    return std::clamp<std::size_t>(fitting, 1, rows_max);
}

// A read that failed may have asked for too much: the next one asks for half, and success makes it more again.
binary_rows store_feed::implementation::ask_batches(std::span<const position> after, std::size_t events_max)
{
    wire::array lanes{wire::int4_oid}, seqs{wire::int8_oid};
    for (const position& each : after)
    {
        lanes.int4(each.lane);
        seqs.int8(each.seq);
    }
    const std::size_t rows = std::clamp<std::size_t>(events_max, 1, rows_per_lane(after.size()));
    try
    {
        auto answer = ask(batches_name,
                          {lanes.take(), seqs.take(), big_endian<4>(rows), big_endian<8>(config.feed.batch_bytes_max)});
        rows_max = std::min(config.feed.batch_events_max, rows_max * 2);
        return answer;
    }
    catch (const event_log::unreachable&)
    {
        rows_max = std::max<std::size_t>(1, rows / 2);
        throw;
    }
}

void store_feed::implementation::weigh(const std::vector<recorded>& batch)
{
    if (batch.empty())
        return;
    std::size_t bytes = 0;
    lanes_busy = 1;
    for (std::size_t i = 0; i < batch.size(); ++i)
    {
        bytes += batch[i].data.size() + batch[i].meta.size() + sizeof(recorded);
        lanes_busy += i > 0 && batch[i].at.lane != batch[i - 1].at.lane ? 1 : 0;
    }
    event_bytes = std::max<std::size_t>(1, (event_bytes + bytes / batch.size()) / 2);
}

void store_feed::implementation::listen()
{
    if ((listens.on && !listens.on->lost()) || steady::now() < listen_not_before)
        return;
    listens.hears.reset();
    listens.on.reset();
    listen_not_before = steady::now() + listen_again;
    try
    {
        listens.on = std::make_unique<connection>(settings(" ear"), config.guard);
        const connection::deadline limit{*listens.on, config.feed.read_deadline};
        listens.hears = std::make_unique<ear>(listens.on->raw());
    }
    catch (const std::exception&)
    {
        listens.hears.reset();
        listens.on.reset();  // the poll goes on without it
    }
}

void store_feed::implementation::hear()
{
    try
    {
        const connection::deadline limit{*listens.on, config.feed.read_deadline};
        listens.on->raw().get_notifs();
        if (!listens.on->lost())
            return;
    }
    catch (const std::exception&)
    {
        listens.on->give_up();
    }
    listens.hears.reset();
    listens.on.reset();
}

store_feed::store_feed(store_feed_config config) : self_(std::make_unique<implementation>(std::move(config))) {}
store_feed::~store_feed() = default;

std::vector<recorded> store_feed::read(std::span<const position> after, std::size_t events_max)
{
    const auto answer = self_->ask_batches(after, events_max);
    std::vector<recorded> out;
    out.reserve(answer.size());
    for (std::size_t row = 0; row < answer.size(); ++row)
    {
        out.push_back(read_recorded(answer, row));
        const position& found = out.back().at;
        position wanted{found.lane, 0};
        if (out.size() > 1 && out[out.size() - 2].at.lane == found.lane)
            wanted.seq = out[out.size() - 2].at.seq + 1;
        else
            for (const position& each : after)
                wanted.seq = each.lane == found.lane ? each.seq + 1 : wanted.seq;
        if (found != wanted)
            throw hole{wanted, found};
    }
    self_->weigh(out);
    return out;
}

std::vector<position> store_feed::heads(std::span<const std::int32_t> lanes)
{
    wire::array asked{wire::int4_oid};
    for (const std::int32_t lane : lanes)
        asked.int4(lane);
    std::vector<position> out;
    const auto answer = self_->ask(heads_name, {asked.take()});
    const auto number = [&](std::size_t row, std::size_t column) {
        return wire::integer_in(answer.at(row, column).value_or(std::string_view{}));
    };
    for (std::size_t row = 0; row < answer.size(); ++row)
        out.push_back({static_cast<std::int32_t>(number(row, 0)), number(row, 1)});
    return out;
}

void store_feed::wait()
{
    self_->listen();
    std::uniform_int_distribution<std::int64_t> between{self_->config.feed.poll_min.count(),
                                                        self_->config.feed.poll_max.count()};
    std::array<pollfd, 2> on{{{self_->woken.descriptor(), POLLIN, 0}, {self_->ear_socket(), POLLIN, 0}}};
    ::poll(on.data(), on[1].fd >= 0 ? 2 : 1, static_cast<int>(between(self_->jitter)));
    self_->woken.silence();
    if (on[1].fd >= 0 && on[1].revents != 0)
        self_->hear();
}

void store_feed::wake() { self_->woken.ring(); }

const char* store_feed::read_statement() { return read_batches.c_str(); }
}  // namespace event_feed
