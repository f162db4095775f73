// Waiting for something another thread or process will do: asks again until it is so, or until the deadline.
//
// This is the only way in which a test waits. A bare sleep is either too short on a slow machine or a waste on a fast
// one; here the condition ends the wait, and the deadline only bounds a failure.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>

namespace kit
{
using milliseconds = std::chrono::milliseconds;

inline constexpr milliseconds eventually_default{10'000};

// The condition's first value that counts as true; its last value when the deadline passes before. Asked at least once.
template <std::invocable Condition>
std::invoke_result_t<Condition> eventually(Condition&& condition, milliseconds deadline = eventually_default)
{
    const auto end = std::chrono::steady_clock::now() + deadline;
    for (milliseconds pause{1};; pause = std::min(pause * 2, milliseconds{50}))
    {
        auto answer = condition();
        if (static_cast<bool>(answer) || std::chrono::steady_clock::now() >= end)
            return answer;
        std::this_thread::sleep_for(pause);
    }
}

// As above, but a deadline that passes is an exception that says what was waited for.
template <std::invocable Condition>
std::invoke_result_t<Condition> await(const std::string& what, Condition&& condition,
                                      milliseconds deadline = eventually_default)
{
    auto answer = eventually(std::forward<Condition>(condition), deadline);
    if (!static_cast<bool>(answer))
        throw std::runtime_error("after " + std::to_string(deadline.count()) + " ms still not so: " + what);
    return answer;
}
}  // namespace kit
