#include "http/server/jitter.hpp"

#include <random>

namespace http
{
int jittered(int least, int most)
{
    thread_local std::minstd_rand generator{std::random_device{}()};
    return std::uniform_int_distribution<int>{least, most}(generator);
}
}  // namespace http
