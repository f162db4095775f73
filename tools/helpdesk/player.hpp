// Plays a plan against a server, for one or several tenants side by side, and never gives up on a write lightly.
//
// A write is sent when all it comes after were answered, lowest row first. 503, 429, a 409 that may be repeated and a
// lost connection are tried again with the same key, after `Retry-After` or a growing pause; any other refusal ends the
// run, because the plan is made of writes that must be accepted. How far a tenant got is kept in a file: everything
// below that mark was answered. A lost file costs nothing but time, as repeated writes are answered from their
// receipts. Serves one thread.
#pragma once

#include "tools/helpdesk/plan.hpp"
#include "tools/wire/exchange.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace helpdesk
{
struct player_config
{
    std::vector<wire::endpoint> servers;       // of one store; connections are spread over them
    int connections = 32;                      // shared by all tenants
    double rate = 0;                           // writes per second over all tenants; 0: as fast as answers come
    std::chrono::seconds patience{300};        // without one accepted write before giving up
    std::chrono::seconds answer_deadline{35};  // after which a write is sent again
    std::chrono::milliseconds pause_min{50};   // before a repeat without Retry-After, doubled up to pause_max
    std::chrono::milliseconds pause_max{1'000};
};

struct target
{
    std::string name;  // for messages
    std::string key;   // the API key
    std::filesystem::path progress_file;
};

struct figures
{
    std::uint64_t planned = 0;
    std::uint64_t skipped = 0;   // below the mark of an earlier run
    std::uint64_t answered = 0;  // 2xx in this run
    std::uint64_t replayed = 0;  // of these, from a receipt
    std::uint64_t retried = 0;
    double seconds = 0;
    double p50_ms = 0;
    double p99_ms = 0;
};

// The server refused a write that the plan needs, or no key was accepted.
struct refused : std::runtime_error
{
    using runtime_error::runtime_error;
};
// No answer within the patience.
struct unreachable : std::runtime_error
{
    using runtime_error::runtime_error;
};
// `stop` was set.
struct interrupted : std::runtime_error
{
    using runtime_error::runtime_error;
};

struct played
{
    figures overall;
    std::vector<std::string> last_positions;  // per tenant: Clientflow-Position of the newest answer
};

// `plans`: one for all targets, or one for each. `told` is called at most four times a second with what was done of how
// much. Throws `refused`, `unreachable`, `interrupted`; the progress files are written in every case.
played play(const player_config&, const std::vector<std::vector<write>>& plans, const std::vector<target>&,
            const volatile bool& stop, const std::function<void(const figures&)>& told);
}  // namespace helpdesk
