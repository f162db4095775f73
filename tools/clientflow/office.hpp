// An operator's desk for single commands: the same deciders and lane writers as the server's, run in this process.
//
// Works beside running servers: what one decided is checked against the log's heads when the other appends.
#pragma once

#include "commands/lanes/dispatcher.hpp"
#include "events/log/seal.hpp"
#include "schemas/time.hpp"
#include "tools/clientflow/settings.hpp"

#include <array>
#include <functional>

namespace cli
{
class office
{
public:
    explicit office(const settings&);

    // Decides and appends as the operator of this machine. Throws `failure`: refused (4), not found (3), usage (2, what
    // was given is invalid), unreachable (5).
    lanes::answer submit(const schema::uuid& tenant, std::function<lanes::decided(lanes::view&, const lanes::origin&)>,
                         const lanes::aggregate_type* shown_as, bool tenant_is_born = false);

    // What `decide` would record now, with nothing recorded: {"dry_run": true, "count", "sample": [{type, version,
    // data}]}. Throws as `submit` does.
    std::string rehearse(const schema::uuid& tenant,
                         std::function<lanes::decided(lanes::view&, const lanes::origin&)> decide,
                         const lanes::aggregate_type* shown_as);

    schema::uuid new_id() { return ids_.next(clock_.now().us); }
    std::array<std::uint8_t, 20> random_secret();
    event_log::keyring& keys() { return keys_; }

private:
    schema::system_clock clock_;
    schema::uuid_source ids_;
    event_log::keyring keys_;
    lanes::dispatcher commands_;
};

// The name of whoever runs this program, for the log: "operator:<login>".
std::string operator_name();
}  // namespace cli
