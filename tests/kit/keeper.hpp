// The keeper: a small process beside the test program that clears up after it when it crashes or is killed.
//
// Destructors stop children and remove directories; a test program that dies does not run them. The keeper waits for
// the end of a pipe that only the test program holds open, then sends each process still registered its signal and
// removes each directory still registered. Linux's parent-death signal would not do: it follows the thread that started
// the child, and a test may start a server from a short-lived thread.
//
// All functions may be called from any thread. The keeper starts with the first call.
#pragma once

#include <filesystem>
#include <string_view>
#include <sys/types.h>

namespace kit
{
// `signal` as kill(1) names it: "KILL", "QUIT". The process's children are continued first, should they be stopped.
void keep_process(pid_t pid, std::string_view signal);
void release_process(pid_t pid);

void keep_directory(const std::filesystem::path&);
void release_directory(const std::filesystem::path&);
}  // namespace kit
