#include "http/batch.hpp"

#include <array>

namespace batch
{
namespace
{
constexpr std::size_t body_bytes_max = 1024 * 1024;  // four of the largest commands, or a hundred of 10 KiB

// What each command needs its own route says.
constexpr http::route batch_row()
{
    http::route made{http::verb::post, "/api/v1/batch", "runBatch", "Carries out up to 100 writes, in their order.",
                     http::needs::any_key};
    made.is_batch = true;
    made.shape = http::answer_shape::other;
    made.body_bytes_max = body_bytes_max;
    return made;
}

constexpr std::array table{batch_row()};
}  // namespace

std::span<const http::route> routes() { return table; }
}  // namespace batch
