#include "commands/lanes/queue_share.hpp"

namespace lanes
{
bool has_room(const queue_load& bounds, const queue_load& all, const queue_load& own, std::size_t bytes)
{
    if (all.commands == 0)
        return bounds.commands > 0;
    if (all.commands >= bounds.commands || all.bytes + bytes > bounds.bytes)
        return false;
    if (own.commands == 0)
        return true;
    const queue_load free{bounds.commands - all.commands - 1, bounds.bytes - all.bytes - bytes};
    return own.commands + 1 <= free.commands && own.bytes + bytes <= free.bytes;
}
}  // namespace lanes
