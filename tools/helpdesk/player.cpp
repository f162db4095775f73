// See player.hpp.
#include "tools/helpdesk/player.hpp"

#include "tools/helpdesk/progress.hpp"

#include <algorithm>
#include <charconv>
#include <memory>
#include <queue>
#include <random>

namespace helpdesk
{
namespace
{
using instant = std::chrono::steady_clock::time_point;
using index = std::uint32_t;

std::uint64_t hash_of(const std::vector<write>& plan)
{
    std::uint64_t hash = 0xcbf29ce484222325ULL;
    for (const auto& each : plan)
        for (const auto* part : {&each.key, &each.target, &each.body})
            for (const char c : *part)
                hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    return hash;
}

// One tenant's way through the plan.
class way
{
public:
    way(const std::vector<write>& plan, const target& to)
        : plan_(plan)
        , to_(to)
        , state_(read_progress(to.progress_file, hash_of(plan)))
        , missing_(plan.size())
        , followers_(plan.size())
        , answered_(plan.size())
    {
        for (index i = 0; i < plan.size(); ++i)
        {
            if (i < state_.done)
            {
                answered_[i] = true;
                continue;
            }
            for (const auto before : plan[i].after)
                if (before >= state_.done)
                {
                    ++missing_[i];
                    followers_[before].push_back(i);
                }
            if (missing_[i] == 0)
                ready_.push(i);
        }
    }

    const target& to() const { return to_; }
    const write& at(index i) const { return plan_[i]; }
    std::uint64_t mark() const { return state_.done; }
    const std::string& last_position() const { return state_.last_position; }
    bool finished() const { return state_.done == plan_.size(); }

    bool has_ready() const { return !ready_.empty(); }
    index take_ready()
    {
        const auto next = ready_.top();
        ready_.pop();
        return next;
    }
    void give_back(index i) { ready_.push(i); }

    void answered(index i, std::string_view position)
    {
        answered_[i] = true;
        for (const auto next : followers_[i])
            if (--missing_[next] == 0)
                ready_.push(next);
        while (state_.done < plan_.size() && answered_[state_.done])
            ++state_.done;
        if (!position.empty())
            state_.last_position = std::string{position};
    }
    void save() const { write_progress(to_.progress_file, state_); }

private:
    const std::vector<write>& plan_;
    target to_;
    progress state_;
    std::vector<std::uint8_t> missing_;  // writes still to be answered before this one
    std::vector<std::vector<index>> followers_;
    std::vector<bool> answered_;
    std::priority_queue<index, std::vector<index>, std::greater<>> ready_;
};

struct waiting_repeat
{
    instant at;
    std::size_t tenant;
    index write;
    friend bool operator>(const waiting_repeat& a, const waiting_repeat& b) { return a.at > b.at; }
};

struct in_flight
{
    std::size_t tenant = 0;
    index write = 0;
    instant since;
};

class run
{
public:
    run(const player_config& config, const std::vector<std::vector<write>>& plans, const std::vector<target>& targets)
        : config_(config)
        , line_(config.servers, config.connections, config.answer_deadline)
        , flights_(static_cast<std::size_t>(config.connections))
        , heard_(std::chrono::steady_clock::now())
        , started_(heard_)
    {
        for (std::size_t i = 0; i < targets.size(); ++i)
        {
            const auto& plan = plans[plans.size() == 1 ? 0 : i];
            ways_.push_back(std::make_unique<way>(plan, targets[i]));
            seen_.skipped += ways_.back()->mark();
            seen_.planned += plan.size();
        }
    }

    played go(const volatile bool& stop, const std::function<void(const figures&)>& told);

private:
    const wire::endpoint& server_of(int connection) const
    {
        return config_.servers[static_cast<std::size_t>(connection) % config_.servers.size()];
    }
    void fill(instant now);
    bool send_next(int connection, instant now);
    void take(int connection, wire::response& got);
    void repeat_later(const in_flight&, const wire::response&);
    void refuse(const in_flight&, const wire::response&);
    void tell(instant now, const std::function<void(const figures&)>& told);
    void save_all() const;
    bool all_finished() const;

    const player_config& config_;
    wire::exchange line_;
    std::vector<in_flight> flights_;
    std::vector<std::unique_ptr<way>> ways_;
    std::priority_queue<waiting_repeat, std::vector<waiting_repeat>, std::greater<>> repeats_;
    std::vector<float> latencies_ms_;
    std::chrono::milliseconds pause_{};
    std::minstd_rand jitter_{std::random_device{}()};
    figures seen_;
    std::size_t next_tenant_ = 0;
    int next_connection_ = 0;
    std::uint64_t sent_ = 0;
    std::string refusal_;
    instant heard_, started_, told_at_{}, saved_at_{};
};

bool run::send_next(int connection, instant now)
{
    for (std::size_t tried = 0; tried < ways_.size(); ++tried)
    {
        const auto tenant = next_tenant_++ % ways_.size();
        auto& on = *ways_[tenant];
        if (!on.has_ready())
            continue;
        const auto next = on.take_ready();
        const auto& what = on.at(next);
        wire::request asked;
        asked.method = what.method;
        asked.target = what.target;
        asked.key = on.to().key;
        asked.idempotency_key = what.key;
        asked.body = what.body;
        flights_[static_cast<std::size_t>(connection)] = {tenant, next, now};
        line_.send(connection, wire::render(server_of(connection), asked));
        ++sent_;
        return true;
    }
    return false;
}

void run::fill(instant now)
{
    while (!repeats_.empty() && repeats_.top().at <= now)
    {
        ways_[repeats_.top().tenant]->give_back(repeats_.top().write);
        repeats_.pop();
    }
    const double allowed = config_.rate * std::chrono::duration<double>(now - started_).count() + 1;
    // In turns, so that a write that a server loses is repeated by another.
    for (int tried = 0; tried < line_.connections(); ++tried)
    {
        if (config_.rate > 0 && static_cast<double>(sent_) >= allowed)
            return;
        const int connection = next_connection_;
        next_connection_ = (next_connection_ + 1) % line_.connections();
        if (!line_.busy(connection) && !send_next(connection, now))
            return;
    }
}

void run::repeat_later(const in_flight& flight, const wire::response& got)
{
    ++seen_.retried;
    std::chrono::milliseconds wait{0};
    const auto asked = got.header("Retry-After");
    int seconds = 0;
    std::from_chars(asked.data(), asked.data() + asked.size(), seconds);
    if (seconds > 0)
        wait = std::chrono::seconds{seconds};
    else
    {
        pause_ = std::clamp(pause_ * 2, config_.pause_min, config_.pause_max);
        wait = pause_;
    }
    wait += wait * static_cast<int>(jitter_() % 32) / 100;
    repeats_.push({std::chrono::steady_clock::now() + wait, flight.tenant, flight.write});
}

void run::refuse(const in_flight& flight, const wire::response& got)
{
    const auto& on = *ways_[flight.tenant];
    const auto& what = on.at(flight.write);
    refusal_ = on.to().name + ": " + what.method + " " + what.target + " of row " + std::to_string(what.row) +
               " (key " + what.key + ") was answered " + std::to_string(got.status) + " " + got.body;
}

void run::take(int connection, wire::response& got)
{
    const auto flight = flights_[static_cast<std::size_t>(connection)];
    const auto now = std::chrono::steady_clock::now();
    // A lost race, or the same write still under way elsewhere.
    const bool may_be_repeated = got.status == 409 && got.body.find("\"retryable\":true") != std::string::npos;
    if (got.lost() || got.status == 503 || got.status == 429 || got.status == 408 || may_be_repeated)
    {
        repeat_later(flight, got);
        return;
    }
    if (got.status < 200 || got.status > 299)
    {
        refuse(flight, got);
        return;
    }
    pause_ = {};
    heard_ = now;
    ++seen_.answered;
    if (got.header("Idempotency-Replayed") == "true")
        ++seen_.replayed;
    latencies_ms_.push_back(std::chrono::duration<float, std::milli>(now - flight.since).count());
    ways_[flight.tenant]->answered(flight.write, got.header("Clientflow-Position"));
    const bool limited = config_.rate > 0;
    if (!limited && refusal_.empty())
        send_next(connection, now);
}

void run::tell(instant now, const std::function<void(const figures&)>& told)
{
    seen_.seconds = std::chrono::duration<double>(now - started_).count();
    if (now - saved_at_ >= std::chrono::seconds{1})
    {
        saved_at_ = now;
        save_all();
    }
    if (now - told_at_ < std::chrono::milliseconds{250})
        return;
    told_at_ = now;
    told(seen_);
}

void run::save_all() const
{
    for (const auto& each : ways_)
        each->save();
}

bool run::all_finished() const
{
    return std::all_of(ways_.begin(), ways_.end(), [](const auto& each) { return each->finished(); });
}

float quantile(std::vector<float>& values, double share)
{
    if (values.empty())
        return 0;
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), at, values.end());
    return *at;
}

played run::go(const volatile bool& stop, const std::function<void(const figures&)>& told)
{
    while (!all_finished())
    {
        const auto now = std::chrono::steady_clock::now();
        tell(now, told);
        const bool waits = line_.in_flight() > 0 || !repeats_.empty();
        if (!waits)
            heard_ = now;
        if (stop || !refusal_.empty() || now - heard_ > config_.patience)
        {
            save_all();
            if (!refusal_.empty())
                throw refused(refusal_);
            if (stop)
                throw interrupted("interrupted; run it again to go on");
            throw unreachable("nothing was accepted by " + config_.servers.front().authority() + " for " +
                              std::to_string(config_.patience.count()) +
                              " s: is the server running? tools/up starts it");
        }
        fill(now);
        line_.step(std::chrono::milliseconds{config_.rate > 0 ? 5 : 20},
                   [this](int connection, wire::response& got) { take(connection, got); });
    }
    told_at_ = {};
    tell(std::chrono::steady_clock::now(), told);
    save_all();
    seen_.p50_ms = quantile(latencies_ms_, 0.5);
    seen_.p99_ms = quantile(latencies_ms_, 0.99);
    played result{seen_, {}};
    for (const auto& each : ways_)
        result.last_positions.push_back(each->last_position());
    return result;
}
}  // namespace

played play(const player_config& config, const std::vector<std::vector<write>>& plans,
            const std::vector<target>& targets, const volatile bool& stop,
            const std::function<void(const figures&)>& told)
{
    return run{config, plans, targets}.go(stop, told);
}
}  // namespace helpdesk
