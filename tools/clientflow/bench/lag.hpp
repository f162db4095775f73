// How far the read models are behind the log of a benchmark.
#pragma once

#include "tools/clientflow/bench/report.hpp"

#include <memory>
#include <string>
#include <vector>

namespace cli::bench
{
// How old the oldest event is that some read model does not show yet, asked ten times a second by a thread of its own.
class lag_watch
{
public:
    explicit lag_watch(const std::string& dsn);
    ~lag_watch();
    lag_watch(const lag_watch&) = delete;
    lag_watch& operator=(const lag_watch&) = delete;

    // In seconds, all of them; ends the watch. Throws what it has met.
    std::vector<float> finish();

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};

// Returns when every read model shows the whole log, so that nothing is left over for a measurement.
void catch_up(const std::string& dsn, progress&);
}  // namespace cli::bench
