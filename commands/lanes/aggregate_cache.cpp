#include "commands/lanes/aggregate_cache.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <list>
#include <utility>

namespace lanes
{
namespace
{
// List node, place and control block, beside what the noun says about its own state.
constexpr std::size_t overhead_bytes = 256;

struct kept
{
    stream_ref stream;
    standing value;
    std::size_t bytes = 0;
};
}  // namespace

// Most look-ups are of streams that are not there yet, in a table too large for the processor's caches: an open table
// answers those from one line of memory, where a chained one walks to nodes all over it.
struct aggregate_cache::implementation
{
    explicit implementation(std::size_t limit) : bytes_max(limit) {}

    using use_order = std::list<kept>;

    void forget(use_order::iterator which)
    {
        bytes -= which->bytes;
        places.erase(which->stream);
        by_use.erase(which);
    }

    void used(use_order::iterator which) { by_use.splice(by_use.begin(), by_use, which); }

    const std::size_t bytes_max;
    std::size_t bytes = 0;
    use_order by_use;  // the most recent first
    boost::unordered_flat_map<stream_ref, use_order::iterator, std::hash<stream_ref>> places;
};

aggregate_cache::aggregate_cache(std::size_t bytes_max) : self_(std::make_unique<implementation>(bytes_max)) {}
aggregate_cache::aggregate_cache(aggregate_cache&&) noexcept = default;
aggregate_cache::~aggregate_cache() = default;

std::size_t aggregate_cache::bytes() const { return self_->bytes; }
std::size_t aggregate_cache::size() const { return self_->places.size(); }

const standing* aggregate_cache::find(const stream_ref& stream)
{
    const auto place = self_->places.find(stream);
    if (place == self_->places.end())
        return nullptr;
    self_->used(place->second);
    return &place->second->value;
}

void aggregate_cache::put(const stream_ref& stream, const standing& value)
{
    if (value.is_unborn())
        return drop(stream);
    auto place = self_->places.find(stream);
    if (place == self_->places.end())
    {
        self_->by_use.push_front({stream, {}, 0});
        place = self_->places.emplace(stream, self_->by_use.begin()).first;
    }
    const auto which = place->second;
    self_->used(which);
    if (which->value.at == value.at)
        return;
    const std::size_t bytes = overhead_bytes + stream.type->bytes(value.state.get());
    self_->bytes = self_->bytes - which->bytes + bytes;
    which->bytes = bytes;
    which->value = value;
    while (self_->bytes > self_->bytes_max && !self_->by_use.empty())
        self_->forget(std::prev(self_->by_use.end()));
}

void aggregate_cache::drop(const stream_ref& stream)
{
    if (const auto place = self_->places.find(stream); place != self_->places.end())
        self_->forget(place->second);
}
}  // namespace lanes
