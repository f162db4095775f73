// How a stream stands: the aggregate folded from its events, and the event it was folded up to.
//
// A stream without events has no state object here (`state` is null, version 0); whoever needs one uses the unborn
// state of its type. States are immutable and shared.
#pragma once

#include "commands/lanes/aggregate.hpp"
#include "events/log/envelope.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace lanes
{
// A stream as the lane writers name it: the type stands for the category, so that comparing copies no text.
struct stream_ref
{
    const aggregate_type* type = nullptr;
    uuid tenant;
    uuid id;

    friend bool operator==(const stream_ref&, const stream_ref&) = default;

    stream_key key() const { return {tenant, std::string{type->category}, id}; }
    bool is(const stream_key& other) const
    {
        return id == other.id && tenant == other.tenant && type->category == other.category;
    }
};

struct standing
{
    std::shared_ptr<const void> state;
    event_log::head at;
    bool is_unreadable = false;  // its events could not be folded: no decision may rest on it

    bool is_unborn() const { return at.version == 0; }
};
}  // namespace lanes

template <>
struct std::hash<lanes::stream_ref>
{
    std::size_t operator()(const lanes::stream_ref& stream) const noexcept
    {
        const std::hash<schema::uuid> of;
        return schema::mixed(schema::mixed(of(stream.id), of(stream.tenant)), std::hash<const void*>{}(stream.type));
    }
};
