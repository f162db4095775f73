// See paced.hpp.
#include "tools/clientflow/bench/paced.hpp"

#include "tools/clientflow/program.hpp"

#include <chrono>
#include <deque>
#include <stdexcept>

namespace cli::bench
{
namespace
{
using steady = std::chrono::steady_clock;

float ms_since(steady::time_point then)
{
    return std::chrono::duration<float, std::milli>(steady::now() - then).count();
}

class run
{
public:
    run(const wire::endpoint& to, int connections, double per_second, const std::function<std::string()>& first,
        const std::function<std::string()>& second)
        : by_(to, connections)
        , per_second_(per_second)
        , first_(first)
        , second_(second)
        , since_(static_cast<std::size_t>(connections))
        , is_second_(static_cast<std::size_t>(connections))
    {
        for (int c = 0; c < connections; ++c)
            idle_.push_back(c);
    }

    paced_times go(double seconds)
    {
        const auto begun = steady::now();
        const auto count = static_cast<std::int64_t>(seconds * per_second_);
        for (std::int64_t due = 0; finished_ < count && !stop_asked();)
        {
            for (; due < count && due_at(begun, due) <= steady::now(); ++due)
                late_.push_back(due_at(begun, due));
            for (; !late_.empty() && !idle_.empty(); late_.pop_front(), idle_.pop_back())
                send(idle_.back(), late_.front(), false);
            by_.step(std::chrono::milliseconds{1},
                     [this](int connection, wire::response& got) { answered(connection, got); });
        }
        return std::move(times_);
    }

private:
    steady::time_point due_at(steady::time_point begun, std::int64_t n) const
    {
        return begun + std::chrono::duration_cast<steady::duration>(
                           std::chrono::duration<double>(static_cast<double>(n) / per_second_));
    }

    void send(int connection, steady::time_point since, bool is_second)
    {
        const auto at = static_cast<std::size_t>(connection);
        since_[at] = since;
        is_second_[at] = is_second;
        by_.send(connection, is_second ? second_() : first_());
    }

    void answered(int connection, const wire::response& got)
    {
        if (got.status / 100 != 2)
            throw std::runtime_error("a request of the benchmark was refused: " + std::to_string(got.status) + ' ' +
                                     got.body);
        const auto at = static_cast<std::size_t>(connection);
        (is_second_[at] ? times_.second_ms : times_.first_ms).push_back(ms_since(since_[at]));
        if (second_ && !is_second_[at])
        {
            send(connection, steady::now(), true);
            return;
        }
        ++finished_;
        idle_.push_back(connection);
    }

    wire::exchange by_;
    const double per_second_;
    const std::function<std::string()>& first_;
    const std::function<std::string()>& second_;
    std::vector<steady::time_point> since_;
    std::vector<bool> is_second_;
    std::deque<steady::time_point> late_;  // due, and no connection was free
    std::vector<int> idle_;
    std::int64_t finished_ = 0;
    paced_times times_;
};
}  // namespace

paced_times paced(const wire::endpoint& to, int connections, double seconds, double per_second,
                  const std::function<std::string()>& first, const std::function<std::string()>& second)
{
    return run{to, connections, per_second, first, second}.go(seconds);
}
}  // namespace cli::bench
