// The pure middle of ownership: who counts as dead, and which lanes to take or give.
//
// Values in, values out; time is handed in. Serves one thread.
#pragma once

#include "schemas/uuid.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

namespace event_feed
{
// A process of the role as the store tells of it.
struct peer
{
    schema::uuid process;
    std::int64_t beat = 0;
    bool is_here = false;  // its session is open
};

// A lease as the store tells of it.
struct seen_lease
{
    std::int32_t lane = 0;
    std::int64_t term = 0;
    std::optional<schema::uuid> owner;
};

// Watches the beats of others over one connection. Whoever connects anew must watch anew: `forget`.
class peer_watch
{
public:
    using time_point = std::chrono::steady_clock::time_point;

    peer_watch(std::chrono::milliseconds expiry, std::chrono::milliseconds absence) : expiry_(expiry), absence_(absence)
    {}

    void forget() { seen_.clear(); }

    // Those who count as alive. `is_server_settled`: it has been up so long that whoever lives has connected again.
    std::set<schema::uuid> look(time_point now, std::span<const peer>, bool is_server_settled);

    // Whether somebody's session is gone who is not yet given up: worth another look soon.
    bool is_unsure() const { return is_unsure_; }

private:
    struct sight
    {
        std::int64_t beat = 0;
        time_point since{};  // the beat stands still
        std::optional<time_point> absent_since;
    };
    const std::chrono::milliseconds expiry_, absence_;
    std::map<schema::uuid, sight> seen_;
    bool is_unsure_ = false;
};

struct lane_moves
{
    std::vector<seen_lease> give;  // of ours: more than a fair share
    std::vector<seen_lease> take;  // nobody's, or of the dead
};

// Everybody's share is the number of lanes by the number of the living, rounded up. What stayed free although all could
// have had their share (`is_left_over` says so of a lane) is taken beyond it.
template <class LeftOver>
lane_moves share_out(const schema::uuid& self, std::span<const seen_lease> leases, const std::set<schema::uuid>& alive,
                     LeftOver is_left_over)
{
    lane_moves moves;
    std::vector<seen_lease> ours, free;
    for (const auto& each : leases)
        if (each.owner == self)
            ours.push_back(each);
        else if (!each.owner || !alive.contains(*each.owner))
            free.push_back(each);

    const std::size_t living = alive.size() + (alive.contains(self) ? 0 : 1);
    const std::size_t share = (leases.size() + living - 1) / living;
    for (std::size_t i = share; i < ours.size(); ++i)
        moves.give.push_back(ours[i]);
    std::size_t held = std::min(ours.size(), share);
    for (const auto& each : free)
        if (held < share || is_left_over(each))
        {
            moves.take.push_back(each);
            ++held;
        }
    return moves;
}
}  // namespace event_feed
