// Requests at their times, whether the server keeps up or not.
//
// The client does not wait for answers: each request is due at its own time, and its latency counts from then, also
// when no connection is free. So a server that stalls is charged with everything that came due meanwhile.
#pragma once

#include "tools/wire/exchange.hpp"

#include <functional>
#include <string>
#include <vector>

namespace cli::bench
{
struct paced_times
{
    std::vector<float> first_ms;   // from when it was due to its answer
    std::vector<float> second_ms;  // from the first one's answer to its own
};

// `first` makes the bytes of the next request that is due; `second`, where there is one, those of a request that
// follows on the same connection. Ends early when the user asks to stop. Throws std::runtime_error with the answer when
// one is not 2xx.
paced_times paced(const wire::endpoint&, int connections, double seconds, double per_second,
                  const std::function<std::string()>& first, const std::function<std::string()>& second = {});
}  // namespace cli::bench
