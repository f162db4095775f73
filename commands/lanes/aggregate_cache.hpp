// The aggregates a writer keeps between rounds, bounded by bytes; the least recently used goes first.
//
// Only states that the store has confirmed as the head of their stream come in, and every answer that rests on one is
// confirmed again by the append, so an entry may be stale but can never make an answer wrong. One thread.
#pragma once

#include "commands/lanes/standing.hpp"

#include <cstddef>
#include <memory>

namespace lanes
{
class aggregate_cache
{
public:
    explicit aggregate_cache(std::size_t bytes_max);
    aggregate_cache(aggregate_cache&&) noexcept;
    ~aggregate_cache();

    // Marks it as used; null when it is not kept. The pointer is good until the next `put` or `drop`.
    const standing* find(const stream_ref&);
    void put(const stream_ref&, const standing&);
    void drop(const stream_ref&);

    std::size_t bytes() const;
    std::size_t size() const;

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};
}  // namespace lanes
