// Who is next to get older events: tenants take turns, an ask each.
//
// A tenant that replays months from many streams waits behind itself. An ask whose asker is gone, or whose time is
// over, is passed over. A tenant that may be read nothing now keeps its asks. Not thread-safe.
#pragma once

#include "http/server/turns.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

namespace http
{
struct past_queue_limits
{
    std::size_t all_max = 10'000;       // asks
    std::size_t of_tenant_max = 1'000;  // asks
};

class past_queue
{
public:
    struct entry
    {
        schema::uuid tenant;
        std::weak_ptr<const void> asker;
        std::chrono::steady_clock::time_point until;
        std::function<void()> work;
    };

    explicit past_queue(past_queue_limits limits) : waiting_({limits.all_max, limits.of_tenant_max}) {}

    bool has_room_for(const schema::uuid& tenant) const { return waiting_.has_room_for(tenant); }
    // REQUIRES: there is room for its tenant.
    void put(entry);
    // Nothing: nobody waits any more of those who may be read to.
    std::optional<entry> take(
        std::chrono::steady_clock::time_point now,
        const std::function<bool(const schema::uuid&)>& may_be_read = [](const schema::uuid&) { return true; });
    // All that nobody waits for any more, or not so long. They are destroyed.
    void drop_expired(std::chrono::steady_clock::time_point now);
    void clear() { waiting_.clear(); }

    std::size_t size() const { return waiting_.size(); }
    std::uint64_t passed_over() const { return passed_over_; }

private:
    static bool is_expired(const entry&, std::chrono::steady_clock::time_point now);

    turns<entry> waiting_;
    std::uint64_t passed_over_ = 0;
};
}  // namespace http
