#include "commands/lanes/aggregate_cache.hpp"

namespace lanes
{
namespace
{
// List node, map node and control block, beside what the noun says about its own state.
constexpr std::size_t overhead_bytes = 256;
}  // namespace

const standing* aggregate_cache::find(const stream_ref& stream)
{
    const auto place = places_.find(stream);
    if (place == places_.end())
        return nullptr;
    by_use_.splice(by_use_.begin(), by_use_, place->second);
    return &place->second->value;
}

void aggregate_cache::put(const stream_ref& stream, const standing& value)
{
    if (value.is_unborn())
        return drop(stream);
    const auto place = places_.find(stream);
    if (place != places_.end() && place->second->value.at == value.at)
        return by_use_.splice(by_use_.begin(), by_use_, place->second);

    const std::size_t bytes = overhead_bytes + stream.type->bytes(value.state.get());
    if (place != places_.end())
    {
        bytes_ = bytes_ - place->second->bytes + bytes;
        place->second->value = value;
        place->second->bytes = bytes;
        by_use_.splice(by_use_.begin(), by_use_, place->second);
    }
    else
    {
        by_use_.push_front({stream, value, bytes});
        places_.emplace(stream, by_use_.begin());
        bytes_ += bytes;
    }
    while (bytes_ > bytes_max_ && !by_use_.empty())
        forget(std::prev(by_use_.end()));
}

void aggregate_cache::drop(const stream_ref& stream)
{
    if (const auto place = places_.find(stream); place != places_.end())
        forget(place->second);
}

void aggregate_cache::forget(std::list<kept>::iterator which)
{
    bytes_ -= which->bytes;
    places_.erase(which->stream);
    by_use_.erase(which);
}
}  // namespace lanes
