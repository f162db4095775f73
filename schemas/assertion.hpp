// The assertion: a broken invariant prints where it broke and ends the process, in release builds too.
//
// Going on with a state that cannot be is worse than a restart: the log is the truth and a restart is cheap.
// Not for input (that is refused by value) and not for a failing world (that is an exception).
#pragma once

namespace schema
{
[[noreturn, gnu::cold]] void assertion_failed(const char* expression, const char* file, int line) noexcept;
}

#define CF_ASSERT(condition)                                                                                           \
    ((condition) ? static_cast<void>(0) : ::schema::assertion_failed(#condition, __FILE__, __LINE__))
