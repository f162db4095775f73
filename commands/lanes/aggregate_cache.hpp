// The aggregates a writer keeps between rounds, bounded by bytes; the least recently used goes first.
//
// Only states that the store has confirmed as the head of their stream come in, and every answer that rests on one is
// confirmed again by the append, so an entry may be stale but can never make an answer wrong. One thread.
#pragma once

#include "commands/lanes/standing.hpp"

#include <cstddef>
#include <list>
#include <unordered_map>

namespace lanes
{
class aggregate_cache
{
public:
    explicit aggregate_cache(std::size_t bytes_max) : bytes_max_(bytes_max) {}

    // Marks it as used; null when it is not kept. The pointer is good until the next `put` or `drop`.
    const standing* find(const stream_ref&);
    void put(const stream_ref&, const standing&);
    void drop(const stream_ref&);

    std::size_t bytes() const { return bytes_; }
    std::size_t size() const { return places_.size(); }

private:
    struct kept
    {
        stream_ref stream;
        standing value;
        std::size_t bytes = 0;
    };

    void forget(std::list<kept>::iterator);

    const std::size_t bytes_max_;
    std::size_t bytes_ = 0;
    std::list<kept> by_use_;  // the most recent first
    std::unordered_map<stream_ref, std::list<kept>::iterator> places_;
};
}  // namespace lanes
