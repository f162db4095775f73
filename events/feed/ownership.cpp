#include "events/feed/ownership.hpp"

#include "events/feed/bell.hpp"
#include "events/feed/lane_shares.hpp"
#include "schemas/assertion.hpp"
#include "schemas/time.hpp"

#include <pqxx/pqxx>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <optional>
#include <poll.h>
#include <pthread.h>
#include <thread>
#include <utility>

namespace event_feed
{
namespace
{
using event_log::connection;
using steady = std::chrono::steady_clock;

class ear final : public pqxx::notification_receiver
{
public:
    explicit ear(pqxx::connection_base& on) : pqxx::notification_receiver(on, "clientflow_leases") {}
    void operator()(const std::string&, int) override {}  // being woken is all there is to it
};

schema::uuid uuid_of(const pqxx::field& from)
{
    const auto parsed = schema::uuid::parse(std::string_view{from.c_str(), from.size()});
    CF_ASSERT(parsed.has_value());
    return *parsed;
}

ownership_config completed(ownership_config config)
{
    if (!config.guard)
        config.guard = std::make_shared<event_log::watchdog>();
    config.connection.application_name = "clientflow leases";
    config.connection.connect_deadline = std::min(config.connection.connect_deadline, config.call_deadline);
    config.connection.statement_timeout = config.call_deadline;
    return config;
}

schema::uuid new_process()
{
    schema::uuid_source source;
    return source.next(schema::system_clock{}.now().us);
}
}  // namespace

struct ownership::implementation
{
    explicit implementation(ownership_config given)
        : config(completed(std::move(given))), self(new_process()), watch(config.expiry, config.absence)
    {}

    void run();
    void connect();
    void look();
    std::vector<peer> peers_now(pqxx::transaction_base&);
    std::vector<seen_lease> leases_now(pqxx::transaction_base&);
    bool is_settled(pqxx::transaction_base&);
    void take(pqxx::transaction_base&, const std::vector<seen_lease>&, std::vector<lease>& ours);
    void publish(std::vector<lease> ours, std::size_t living);
    void rest(std::chrono::milliseconds);
    void leave() noexcept;
    bool is_stopping()
    {
        const std::lock_guard lock{mutex};
        return stopping;
    }

    const ownership_config config;
    const schema::uuid self;
    bell woken;

    // The thread's own.
    std::unique_ptr<connection> link;
    std::unique_ptr<ear> hears;  // goes before its connection
    peer_watch watch;
    std::map<std::int32_t, std::pair<std::int64_t, steady::time_point>> free_since;  // by lane: term, first seen free
    bool is_known = false;                                                           // our session holds our lock

    std::mutex mutex;
    // Guarded by mutex.
    std::vector<lease> holding;
    std::size_t living = 0;
    bool stopping = false;

    std::thread thread;  // last: runs over all of the above
};

void ownership::implementation::run()
{
    ::pthread_setname_np(::pthread_self(), "leases");
    while (!is_stopping())
    {
        try
        {
            connect();
            while (!is_stopping())
            {
                if (config.each_beat)
                    config.each_beat();
                look();
                rest(watch.is_unsure() || !is_known ? config.look_again : config.beat);
            }
        }
        catch (const std::exception& fault)
        {
            if (config.failed)
                config.failed(link ? event_log::understand(fault, *link).message : fault.what());
            hears.reset();
            link.reset();
            if (config.each_beat)
                config.each_beat();
            if (!is_stopping())
                rest(config.retry);
        }
    }
    leave();
}

void ownership::implementation::connect()
{
    hears.reset();
    link = std::make_unique<connection>(config.connection, config.guard);
    const connection::deadline limit{*link, config.call_deadline};
    hears = std::make_unique<ear>(link->raw());
    watch.forget();
    free_since.clear();
    is_known = false;
}

std::vector<peer> ownership::implementation::peers_now(pqxx::transaction_base& work)
{
    std::vector<peer> found;
    for (const auto& row : work.exec_params("select process, beat, is_here from es.peers($1)", config.role))
        found.push_back({uuid_of(row[0]), row[1].as<std::int64_t>(), row[2].as<bool>()});
    return found;
}

std::vector<seen_lease> ownership::implementation::leases_now(pqxx::transaction_base& work)
{
    std::vector<seen_lease> found;
    for (const auto& row :
         work.exec_params("select lane, term, owner from es.lane_lease where role = $1 order by lane", config.role))
        found.push_back({row[0].as<std::int32_t>(), row[1].as<std::int64_t>(),
                         row[2].is_null() ? std::nullopt : std::optional{uuid_of(row[2])}});
    return found;
}

bool ownership::implementation::is_settled(pqxx::transaction_base& work)
{
    return work
        .exec_params1("select clock_timestamp() - pg_postmaster_start_time() > make_interval(secs => $1)",
                      std::chrono::duration<double>(config.expiry).count())[0]
        .as<bool>();
}

// One look: beat, see everybody, give and take.
void ownership::implementation::look()
{
    const connection::deadline limit{*link, config.call_deadline};
    link->raw().get_notifs();
    pqxx::nontransaction work{link->raw()};
    is_known = work.exec_params1("select es.beat($1, $2)", self.text(), config.role)[0].as<bool>();

    // The leases first: whoever owns one of these has been born, and is among the peers while it lives.
    const auto leases = leases_now(work);
    auto peers = peers_now(work);
    // A name with neither a session nor a lane is left from before: no share is kept for it, not even while a watch
    // that begins anew takes everybody for alive.
    std::erase_if(peers, [&](const peer& each) {
        const bool serves = std::ranges::find(leases, each.process, &seen_lease::owner) != leases.end();
        return each.process == self || !(each.is_here || serves);
    });
    const auto now = steady::now();
    auto alive = watch.look(now, peers, is_settled(work));
    alive.insert(self);

    std::map<std::int32_t, std::pair<std::int64_t, steady::time_point>> still_free;
    for (const auto& each : leases)
        if (!each.owner)
        {
            const auto before = free_since.find(each.lane);
            still_free[each.lane] = before != free_since.end() && before->second.first == each.term
                                        ? before->second
                                        : std::pair{each.term, now};
        }
    free_since = std::move(still_free);

    const auto moves = share_out(self, leases, alive, [&](const seen_lease& each) {
        const auto found = free_since.find(each.lane);
        return found != free_since.end() && now - found->second.second >= config.expiry;
    });
    std::vector<lease> ours;
    for (const auto& each : leases)
        if (each.owner == self && std::ranges::find(moves.give, each.lane, &seen_lease::lane) == moves.give.end())
            ours.push_back({each.lane, each.term, false});
    for (const auto& each : moves.give)
        work.exec_params("select es.give_lease($1, $2, $3, $4)", self.text(), config.role, each.lane, each.term);
    take(work, moves.take, ours);
    publish(std::move(ours), alive.size());
}

void ownership::implementation::take(pqxx::transaction_base& work, const std::vector<seen_lease>& wanted,
                                     std::vector<lease>& ours)
{
    for (const auto& each : wanted)
    {
        const auto term = work.exec_params1("select es.take_lease($1, $2, $3, $4)", self.text(), config.role, each.lane,
                                            each.term)[0];
        if (!term.is_null())
            ours.push_back({each.lane, term.as<std::int64_t>(), each.owner.has_value()});
    }
}

void ownership::implementation::publish(std::vector<lease> ours, std::size_t now_living)
{
    std::ranges::sort(ours, {}, &lease::lane);
    bool has_changed = false;
    {
        const std::lock_guard lock{mutex};
        for (auto& each : ours)
            for (const auto& before : holding)
                if (before.lane == each.lane && before.term == each.term)
                    each.is_from_dead = before.is_from_dead;
        has_changed = holding != ours;
        holding = std::move(ours);
        living = now_living;
    }
    if (has_changed && config.changed)
        config.changed();
}

// Until the time is over, somebody gives lanes back, our session ends, or we are to stop.
void ownership::implementation::rest(std::chrono::milliseconds time)
{
    std::array<pollfd, 2> on{{{woken.descriptor(), POLLIN, 0}, {link ? link->raw().sock() : -1, POLLIN, 0}}};
    ::poll(on.data(), on[1].fd >= 0 ? 2 : 1, static_cast<int>(time.count()));
    woken.silence();
}

void ownership::implementation::leave() noexcept
{
    try
    {
        if (!link || link->lost())
            connect();
        const connection::deadline limit{*link, config.call_deadline};
        pqxx::nontransaction work{link->raw()};
        work.exec_params("select es.leave($1)", self.text());
    }
    catch (const std::exception&)
    {
        // Whoever wants the lanes sees that our session is gone.
    }
    hears.reset();
    link.reset();
    publish({}, 0);
}

ownership::ownership(ownership_config config) : self_(std::make_unique<implementation>(std::move(config))) {}

ownership::~ownership() { stop(); }

void ownership::start()
{
    CF_ASSERT(!self_->thread.joinable());
    {
        const std::lock_guard lock{self_->mutex};
        self_->stopping = false;
    }
    self_->thread = std::thread{[self = self_.get()] { self->run(); }};
}

void ownership::stop()
{
    {
        const std::lock_guard lock{self_->mutex};
        self_->stopping = true;
    }
    self_->woken.ring();
    if (self_->thread.joinable())
        self_->thread.join();
    self_->thread = {};
}

bool ownership::is_started() const { return self_->thread.joinable(); }

std::vector<lease> ownership::held() const
{
    const std::lock_guard lock{self_->mutex};
    return self_->holding;
}

std::size_t ownership::peers() const
{
    const std::lock_guard lock{self_->mutex};
    return self_->living;
}

const schema::uuid& ownership::process() const { return self_->self; }
}  // namespace event_feed
