// The seed of a random scenario: another one in each run, so that runs add up; CLIENTFLOW_SEED repeats one that failed.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

namespace scenario
{
inline std::uint32_t chosen_seed()
{
    if (const char* given = std::getenv("CLIENTFLOW_SEED"))
        return static_cast<std::uint32_t>(std::stoul(given));
    return std::random_device{}() % 1'000'000;
}

// A whole number from the environment, for runs that are to be longer or shorter.
inline int chosen(const char* variable, int otherwise)
{
    const char* given = std::getenv(variable);
    return given ? std::stoi(given) : otherwise;
}
}  // namespace scenario
