// Real time that must go by because the test is about time: longer than a lease lasts, longer than a buffer is kept.
//
// Nothing is synchronised by it: whatever is waited for afterwards is waited for by `eventually`.
#pragma once

#include "tests/kit/eventually.hpp"

namespace kit
{
inline void let_pass(milliseconds time)
{
    const auto end = std::chrono::steady_clock::now() + time;
    eventually([&] { return std::chrono::steady_clock::now() >= end; }, time);
}
}  // namespace kit
