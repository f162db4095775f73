// Who is next to get older events: one ask of one tenant, then one of the next tenant.
//
// A tenant that replays months from many streams waits behind itself, and any other one behind at most one ask of each.
// An ask whose asker is gone, or whose time is over, is passed over; it costs its tenant no turn. A tenant that may be
// read nothing now keeps its asks and its turn. Not thread-safe.
#pragma once

#include "schemas/uuid.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>

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

    explicit past_queue(past_queue_limits limits) : limits_(limits) {}

    bool has_room_for(const schema::uuid& tenant) const;
    // REQUIRES: there is room for its tenant.
    void put(entry);
    // Nothing: nobody waits any more of those who may be read to.
    std::optional<entry> take(
        std::chrono::steady_clock::time_point now,
        const std::function<bool(const schema::uuid&)>& may_be_read = [](const schema::uuid&) { return true; });
    // All that nobody waits for any more, or not so long. They are destroyed.
    void drop_expired(std::chrono::steady_clock::time_point now);
    void clear();

    std::size_t size() const { return size_; }
    std::uint64_t passed_over() const { return passed_over_; }

private:
    std::optional<entry> take_of(std::deque<entry>&, std::chrono::steady_clock::time_point now);
    static bool is_expired(const entry&, std::chrono::steady_clock::time_point now);

    const past_queue_limits limits_;
    std::unordered_map<schema::uuid, std::deque<entry>> waiting_;  // no empty ones
    std::deque<schema::uuid> turns_;                               // each of them once
    std::size_t size_ = 0;
    std::uint64_t passed_over_ = 0;
};
}  // namespace http
