// The benchmarks, each a function from what was asked for to a report. See tools/README.md for what was measured.
#pragma once

#include "tools/clientflow/bench/ground.hpp"
#include "tools/clientflow/bench/report.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace cli::bench
{
struct wishes
{
    double seconds = 20;
    int connections = 64;
    int tenants = 1;        // whose commands `commands` sends in turn; each lives in a lane of its own
    std::int64_t rows = 0;  // to prepare; 0: the benchmark's own default
    int round = 100;        // commands per append
    int writers = 2;
    bool receipts = true;
    bool projections = false;     // the server also projects, compared with itself without
    double hold_seconds = 0;      // with a transaction held open for so long, compared with itself before
    double per_second = 500;      // writes of `visible`
    double paced_per_s = 10'000;  // events that `append` adds between its measurements while a transaction is held
    std::string noun = "client";  // what `commands` creates: client, or task with its quotas counted
    std::string url, key;         // a server that runs already
};

report append(const settings&, const wishes&, progress&);
report commands(const settings&, const wishes&, progress&);
report feed(const settings&, const wishes&, progress&);
report list(const settings&, const wishes&, progress&);
report search(const settings&, const wishes&, progress&);
report visible(const settings&, const wishes&, progress&);
report rebuild(const settings&, const wishes&, progress&);
report audit(const settings&, const wishes&, progress&);
report growth(const settings&, const wishes&, progress&);
report idle(const settings&, const wishes&, progress&);
}  // namespace cli::bench
