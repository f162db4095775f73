// The thread `audit` of a serving process: pass after pass of completeness.hpp, in a small share of the time, and what
// the last whole one has found.
#pragma once

#include "projections/runner/row_audit.hpp"
#include "projections/runner/versions.hpp"
#include "schemas/time.hpp"
#include "tools/clientflow/settings.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace cli
{
struct audit_figures
{
    std::uint64_t differences = 0;  // of the last whole pass
    std::uint64_t passes = 0;
    std::uint64_t events = 0;
    std::uint64_t failures = 0;
    std::optional<schema::moment> last_pass;
    projection::stopped_keys stopped;
    projection::standing_builds building;
};

// From start to destruction.
class auditor
{
public:
    // `tell` is called on the thread, with each difference once a pass and with what went wrong.
    auditor(const settings&, event_log::keyring&, std::shared_ptr<event_log::watchdog>, const schema::clock&,
            std::function<void(bool is_difference, const std::string&)> tell);
    ~auditor();

    audit_figures take() const;

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};
}  // namespace cli
