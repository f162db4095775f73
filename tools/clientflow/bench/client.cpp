// See client.hpp.
#include "tools/clientflow/bench/client.hpp"

#include "tools/clientflow/program.hpp"

namespace cli::bench
{
client::client(const wire::endpoint& to, int connections)
    : to_(to), line_(to, connections), since_(static_cast<std::size_t>(connections))
{}

burst client::run(std::chrono::duration<double> length, const std::function<std::string()>& next)
{
    using steady = std::chrono::steady_clock;
    burst seen;
    const auto begun = steady::now();
    const auto end = begun + std::chrono::duration_cast<steady::duration>(length);
    auto now = begun;
    const auto send = [&](int connection) {
        since_[static_cast<std::size_t>(connection)] = steady::now();
        line_.send(connection, next());
    };
    for (int c = 0; c < line_.connections(); ++c)
        send(c);
    while (line_.in_flight() > 0)
        line_.step(std::chrono::milliseconds{50}, [&](int connection, wire::response& got) {
            now = steady::now();
            const auto took = now - since_[static_cast<std::size_t>(connection)];
            seen.took_ms.push_back(std::chrono::duration<float, std::milli>(took).count());
            if (got.status < 200 || got.status > 299)
            {
                if (seen.refused++ == 0)
                    seen.first_refusal = std::to_string(got.status) + ' ' + got.body;
            }
            if (now < end && !stop_asked())
                send(connection);
        });
    const auto answered = static_cast<double>(seen.took_ms.size() - seen.refused);
    seen.per_second = answered / std::chrono::duration<double>(now - begun).count();
    return seen;
}
}  // namespace cli::bench
