// The threads on which reads run: `query-N`, each with its own connection and reader, behind one bounded queue.
//
// PostgreSQL is blocking and few; clients are many. Tenants take turns, and one tenant's reads run on some of the
// threads only, so that whoever asks what takes seconds leaves threads to the others. A tenant's own work begins in the
// order in which it came. `submit` may be called from any thread and never blocks; what was accepted is always run, or
// dropped by `stop` before it began.
#pragma once

#include "http/server/route.hpp"
#include "http/server/turns.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace http
{
struct query_pool_config
{
    int threads = 4;                                    // at least 1
    int threads_of_tenant_max = 2;                      // at least 1, and never the last one where there are several
    turns_limits waiting{1'024, 512};                   // beyond: not taken
    std::chrono::milliseconds waiting_time_max{5'000};  // then failed without being run
    event_log::store_config store;                      // for what is not a read model: key use, history
    event_log::keyring* keys = nullptr;                 // outlives the pool
    event_log::snapshots* snapshots = nullptr;          // outlive the pool; may be null
};

class query_pool
{
public:
    using work = std::function<void(query_context&)>;  // must not throw
    using open_reader = std::function<std::unique_ptr<projection::reader>()>;

    query_pool(query_pool_config, open_reader);
    ~query_pool();  // stops

    void start();
    void stop();

    // False: the queue is full (of this tenant's work, or of all) or the pool has stopped; the work was not taken.
    // `failed` is called instead of the work when it waited too long or the thread could not open its connections.
    enum class fault
    {
        late,
        no_connection
    };
    using on_failure = std::function<void(fault, const char* why)>;
    bool submit(const schema::uuid& tenant, work, on_failure);

    struct figures
    {
        std::size_t waiting = 0;
        std::uint64_t run = 0;
        std::uint64_t refused = 0;
        std::vector<double> wait_seconds;  // since the last call, bounded
    };
    figures take_figures();

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};
}  // namespace http
