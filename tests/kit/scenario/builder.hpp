// Builds all read models anew beside servers at work, whatever happens meanwhile: killed once as soon as it has begun,
// gone on with as often as need be, compared, and shown.
//
// The thread that made it waits for its end.
#pragma once

#include "tests/kit/eventually.hpp"
#include "tests/kit/process.hpp"
#include "tests/kit/scenario/findings.hpp"
#include "tests/kit/scenario/site.hpp"

#include <future>
#include <string>
#include <vector>

namespace scenario
{
class builder
{
public:
    explicit builder(const site&);

    // Until it has begun, or has ended already.
    void await_begun();
    bool is_done_within(kit::milliseconds);
    // What it found; a problem when it has not ended within that time.
    findings finish();

private:
    kit::finished run(std::vector<std::string> words) const;
    bool until_done(const std::vector<std::string>& words, findings&) const;
    bool has_begun() const;
    void kill_one(findings&) const;
    findings work() const;

    const site& at_;
    std::future<findings> working_;  // last: it uses all of the above
};

// The versions beside the live ones are the same, row by row; rows compared are counted.
findings compare_versions(const site&);
}  // namespace scenario
