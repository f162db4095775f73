// A key as the edge knows it, and what is counted of it.
//
// A principal is made anew when its key's stream goes on; what is counted outlives it. Both may be shared by threads.
#pragma once

#include "events/api_key.hpp"
#include "http/server/limiter.hpp"
#include "schemas/time.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace http
{
// What is counted per key, without a lock. Outlives the principals made of one key.
struct key_activity
{
    gcra rate;
    // In the tenant's lane. What a key wrote before this process saw it is not known: then this is the lane's end at
    // that time. 0: it writes nothing.
    std::atomic<std::int64_t> last_write_seq{0};
    std::atomic<std::size_t> last_write_history{0};  // the hash of the incarnation that it belongs to
    std::atomic<std::int64_t> last_used_us{0};
    std::atomic<std::uint64_t> calls{0};  // since they were last taken
    std::atomic<std::size_t> exports{0};  // CSV answers under way

    // Reads are to be at least as new. `history` is the hash of the incarnation; another one begins anew.
    void note_write(std::size_t history, std::int64_t seq);
};

// A key as the edge knows it. Immutable.
struct principal
{
    api_key::key_id key;
    schema::uuid tenant;
    std::int32_t lane = 0;
    std::optional<schema::uuid> member;
    std::string key_text;     // key_…
    std::string tenant_text;  // org_…
    bool read = false;        // each scope includes the ones before it
    bool write = false;
    bool admin = false;
    bool import = false;
    bool operators = false;  // a key of the platform's tenant
    std::vector<api_key::scope> scopes;
    std::optional<schema::moment> expires_at;
    std::optional<std::int64_t> requests_per_minute;  // 0: no limit
    std::shared_ptr<key_activity> activity;
};

std::shared_ptr<const principal> principal_of(const api_key::item&, const schema::uuid& tenant, std::int32_t lane,
                                              std::shared_ptr<key_activity>);
}  // namespace http
