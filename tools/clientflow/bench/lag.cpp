// See lag.hpp.
#include "tools/clientflow/bench/lag.hpp"

#include "tools/clientflow/database.hpp"
#include "tools/clientflow/program.hpp"

#include <atomic>
#include <chrono>
#include <exception>
#include <thread>

namespace cli::bench
{
struct lag_watch::implementation
{
    explicit implementation(const std::string& dsn) : store(dsn), thread([this] { watch(); }) {}
    ~implementation() { end(); }

    void end()
    {
        ending = true;
        if (thread.joinable())
            thread.join();
    }

    void watch()
    try
    {
        while (!ending)
        {
            const auto found = store.ask_one(
                "select coalesce(max(extract(epoch from clock_timestamp() - o.recorded_at)), 0)"
                "  from (select distinct on (projection, version, lane) lane, seq from read.checkpoint"
                "         order by projection, version, lane, step desc) n"
                "  join lateral (select e.recorded_at from es.event e where e.lane = n.lane and e.seq = n.seq + 1) o"
                "    on true");
            seconds.push_back(found && found->front() ? std::stof(*found->front()) : 0);
            std::this_thread::sleep_for(std::chrono::milliseconds{100});
        }
    }
    catch (...)
    {
        broken = std::current_exception();
    }

    database store;
    std::vector<float> seconds;
    std::exception_ptr broken;  // read after the thread has ended
    std::atomic<bool> ending{false};
    std::thread thread;
};

lag_watch::lag_watch(const std::string& dsn) : self_(std::make_unique<implementation>(dsn)) {}
lag_watch::~lag_watch() = default;

std::vector<float> lag_watch::finish()
{
    self_->end();
    if (self_->broken)
        std::rethrow_exception(self_->broken);
    return std::move(self_->seconds);
}

void catch_up(const std::string& dsn, progress& line)
{
    database store{dsn};
    for (std::string left; left != "0" && !stop_asked();)
    {
        const auto found = store.ask_one(
            "select coalesce(sum(head.seq - coalesce(shown.seq, 0)), 0) from es.lane l"
            "  join lateral (select e.seq from es.event e where e.lane = l.lane order by e.seq desc limit 1) head"
            "    on true"
            "  left join lateral (select min(n.seq) as seq from (select distinct on (projection, version) c.seq"
            "    from read.checkpoint c where c.lane = l.lane order by projection, version, step desc) n) shown"
            "    on true");
        left = found && found->front() ? *found->front() : "0";
        line.tell("read models catching up: " + left + " events");
        if (left != "0")
            std::this_thread::sleep_for(std::chrono::milliseconds{100});
    }
}
}  // namespace cli::bench
