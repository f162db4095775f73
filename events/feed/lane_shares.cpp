#include "events/feed/lane_shares.hpp"

namespace event_feed
{
std::set<schema::uuid> peer_watch::look(time_point now, std::span<const peer> peers, bool is_server_settled)
{
    std::set<schema::uuid> alive;
    std::map<schema::uuid, sight> next;
    is_unsure_ = false;
    for (const auto& each : peers)
    {
        const auto before = seen_.find(each.process);
        sight held = before == seen_.end() || before->second.beat != each.beat ? sight{each.beat, now, std::nullopt}
                                                                               : before->second;
        if (each.is_here)
            held.absent_since.reset();
        else if (before != seen_.end() && before->second.absent_since)
            held.absent_since = before->second.absent_since;
        else
            held.absent_since = now;

        const bool stood_still = now - held.since >= expiry_;
        const bool is_gone = held.absent_since && is_server_settled && now - *held.absent_since >= absence_;
        if (!stood_still && !is_gone)
        {
            alive.insert(each.process);
            is_unsure_ = is_unsure_ || held.absent_since.has_value();
        }
        next.emplace(each.process, held);
    }
    seen_ = std::move(next);
    return alive;
}
}  // namespace event_feed
