// Several clients that work on one organisation at once and remember what they were told, to be held against the log.
//
// Each client owns the things it makes, so what it expects depends on nobody else. It creates, changes, starts,
// archives and comments, adds and removes members whose addresses come again, and also sends what must be refused.
// Every command has an Idempotency-Key and, per attempt, a request id of its own. An attempt that is lost is either
// repeated at once, as a good client does, or left open until settle().
//
//     load work{{.seed = seed}, organisation, {port}};
//     work.start();  …faults…  work.stop();
//     work.settle();                    // with the server healed
//     findings told = work.check(at);
//
// start, stop, settle and check are for one thread.
#pragma once

#include "tests/kit/op_log.hpp"
#include "tests/kit/scenario/caller.hpp"
#include "tests/kit/scenario/findings.hpp"
#include "tests/kit/scenario/site.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace scenario
{
struct load_config
{
    std::uint32_t seed = 1;
    std::string prefix = "load";      // of request ids and keys: letters and digits
    int clients = 4;
    int commands_max = 0;             // per client and start; 0: until stop()
    bool repeats = true;              // some lost attempts at once; false: all are left open
    bool breaks = false;  // an internal error was planted: 500 is an answer as good as 503
};

class load
{
public:
    // Client n uses ports[n mod size].
    load(load_config, organisation, std::vector<std::uint16_t> ports);
    ~load();

    void start();
    // Ends after the requests under way.
    void stop();
    // Until every client has sent commands_max.
    void join();

    // Repeats what was left open until it is answered definitely.
    void settle();
    // Repeats everything that was answered 2xx and not yet repeated: the same status and item, marked as replayed.
    findings replay();
    // Every 2xx is in the log, every definite error is not, unknown ones are there once or not at all.
    findings check(const site&);

    struct figures
    {
        long attempts = 0, answered = 0, refused = 0, lost = 0, unavailable = 0, unknown = 0;
        long slowest_ms = 0;
        std::vector<std::string> complaints;  // about the form of answers
    };
    // Only while stopped, but for `attempts`.
    figures counted() const;
    long attempts() const { return attempts_; }

private:
    class client;

    const load_config config_;
    const organisation as_;
    kit::op_log log_;
    std::atomic<bool> stopping_{false};
    std::atomic<long> attempts_{0};
    std::vector<std::unique_ptr<client>> clients_;
    std::vector<std::thread> threads_;
};
}  // namespace scenario
