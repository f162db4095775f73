// A client that keeps all its connections busy, for a while, and counts.
#pragma once

#include "tools/wire/exchange.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace cli::bench
{
struct burst
{
    double per_second = 0;
    std::vector<float> took_ms;
    std::size_t refused = 0;  // anything but 2xx
    std::string first_refusal;
};

class client
{
public:
    client(const wire::endpoint&, int connections);

    // `next` writes the bytes of the next request.
    burst run(std::chrono::duration<double>, const std::function<std::string()>& next);

    const wire::endpoint& to() const { return to_; }

private:
    wire::endpoint to_;
    wire::exchange line_;
    std::vector<std::chrono::steady_clock::time_point> since_;
};
}  // namespace cli::bench
