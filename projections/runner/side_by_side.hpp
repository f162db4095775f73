// Turns of one kind taken by several threads, each with a connection or what else it holds for itself.
#pragma once

#include <atomic>
#include <cstddef>
#include <future>
#include <vector>

namespace projection
{
// So many turns, each once, on so many threads, the caller's among them: each thread starts with what `start` makes,
// and takes turns with that. Throws what one of them threw, when all have ended their turns; the others' are left then.
template <class Start>
void side_by_side(std::size_t threads, std::size_t turns, Start start)
{
    std::atomic<std::size_t> next{0};
    const auto work = [&] {
        try
        {
            auto take = start();
            for (auto turn = next++; turn < turns; turn = next++)
                take(turn);
        }
        catch (...)
        {
            next = turns;
            throw;
        }
    };
    std::vector<std::future<void>> others;
    for (std::size_t i = 1; i < threads; ++i)
        others.push_back(std::async(std::launch::async, work));
    work();
    for (auto& each : others)
        each.get();
}
}  // namespace projection
