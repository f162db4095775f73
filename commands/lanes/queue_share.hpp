// How much of a queue one tenant may fill while others use it, too.
//
// A tenant that waits already may hold no more than it leaves free, of places and of bytes. So one that floods fills
// half of the queue, n that flood fill 1/(n + 1) each, and as much as the largest of them holds stays free: who has
// nothing waiting is refused by a full queue alone. The share moves with the queue, and nothing has to be set for it.
//
// Source: dynamic thresholds with a factor of 1, A. K. Choudhury and E. L. Hahne, "Dynamic queue length thresholds for
// shared-memory packet switches", IEEE/ACM Transactions on Networking 6(2), 1998.
#pragma once

#include <cstddef>

namespace lanes
{
struct queue_load
{
    std::size_t commands = 0;  // a batch is one
    std::size_t bytes = 0;
};

// Whether one more of so many bytes fits into a queue of these bounds, in which all tenants hold `all` and the one that
// asks holds `own` of it. An empty queue takes one of any size. `all` may be beyond the bounds.
bool has_room(const queue_load& bounds, const queue_load& all, const queue_load& own, std::size_t bytes);
}  // namespace lanes
