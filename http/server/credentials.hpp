// Who a key is: found by the platform-wide claim on its digest and then its stream, kept in memory, held against the
// log.
//
// One thread, `keys`, owns a store connection. It looks up keys that are not known, and every `check_interval` it reads
// what is new in the streams of all keys in use and of their members, so that a revoked key or a removed member stops
// within a second on every node. A key that was not held against the log for that long is looked up again before it is
// believed; only while the store cannot be reached are keys believed on, for `trust_without_store` at most. A key whose
// history cannot be read is not believed at all, and costs the others nothing. Keys that were good before are looked up
// before those that nobody has seen, and the check of keys in use goes between any two look-ups. Another thread,
// `key-use`, writes down how often keys were used.
// `find` and `resolve` may be called from any thread and never block. Nothing here ever holds a key, only digests.
#pragma once

#include "commands/lanes/decision.hpp"
#include "events/access.hpp"
#include "events/log/seal.hpp"
#include "events/log/store.hpp"
#include "http/server/principal.hpp"
#include "http/server/use_book.hpp"
#include "schemas/time.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace http
{
struct credentials_config
{
    event_log::store_config store;
    std::size_t keys_max = 50'000;
    std::size_t lookups_waiting_max = 1'024;
    std::chrono::milliseconds check_interval{400};
    std::chrono::milliseconds trust_max{900};  // since a key was last held against the log
    std::chrono::milliseconds trust_without_store{60'000};
    std::chrono::milliseconds absent_for{1'000};  // how long "no such key" is believed
    std::chrono::milliseconds use_flush_interval{1'000};
    std::function<std::string()> incarnation;  // of the store, for positions
};

class credentials
{
public:
    enum class verdict
    {
        known,
        absent,
        unsure,      // ask `resolve`
        unavailable  // the store cannot be asked, or too many are asking
    };
    struct answer
    {
        verdict what = verdict::unsure;
        std::shared_ptr<const principal> who;
        bool seen = false;                        // unsure, but it was good before
        std::shared_ptr<const principal> gone{};  // absent: whose key it was, and why it is no more
        accesses::reason why = accesses::reason::revoked;
    };
    // Writes uses to the database, on the `key-use` thread; throws when it cannot or does not know whether it has, and
    // is then asked again later with the same sending, which it adds once.
    using keep_uses = std::function<void(const use_sending&)>;

    credentials(credentials_config, event_log::keyring&, const schema::clock&, keep_uses);
    ~credentials();  // stops

    void start();
    void stop();

    answer find(const std::string& digest, std::chrono::steady_clock::time_point now);
    // `done` is called once, on the `keys` thread or, when there is no room, at once.
    void resolve(std::string digest, std::function<void(answer)> done);
    // The keyring forgets tenants over its bound: this makes it know one again. `done` as above; false: not now.
    void learn_tenant(const schema::uuid&, std::function<void(bool)> done);

    struct figures
    {
        std::uint64_t lookups = 0;
        std::uint64_t failed_checks = 0;
        std::size_t known = 0;
    };
    figures look() const;

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};
}  // namespace http
