// What a benchmark found, in the one form that all of them print: figures beside a floor from the same run.
#pragma once

#include "tools/clientflow/program.hpp"

#include <string>
#include <utility>
#include <vector>

namespace cli::bench
{
using figures = std::vector<std::pair<std::string, double>>;

struct conditions
{
    int cores = 0;
    std::string postgres;
    std::string synchronous_commit;
    std::int64_t rows = 0;
    double seconds = 0;
    int connections = 0;
    std::string variant;  // what was asked for beside the usual, in words
};

struct report
{
    std::string name;
    figures found;
    figures floor;
    double ratio = 0;
    conditions under;
};

void print(const program&, const report&);

// A line of progress on a terminal, replaced by the next; nothing elsewhere and with --quiet.
class progress
{
public:
    explicit progress(const program& of);
    ~progress();
    void tell(const std::string& what);

private:
    bool shown_;
    bool written_ = false;
};

// The value below which this share of all lies. Reorders; 0 of nothing.
double quantile(std::vector<float>& values, double share);
}  // namespace cli::bench
