// Which lanes are this process's to serve: leases shared fairly between the processes of a role.
//
// A lease says who should work and nothing more: whoever takes a lane must fence its own writes, because an owner that
// was stopped and wakes up still believes in its lease for a moment. One thread, named `leases`, with one connection:
// it beats, looks at everybody, gives back what is more than a fair share, and takes what is free or belonged to the
// dead. All members may be called from any thread.
//
// An owner counts as dead when, over an uninterrupted connection of ours, its beat stood still for `expiry`; or when
// its session is gone for `absence` while the server has been up for `expiry` at least. A database that was away kills
// nobody's lease: the watch begins anew with every connection, and after a restart of the server everybody has time to
// come back. The second rule is why a killed process is followed in about a second, and a frozen one in at most
// beat + expiry + beat.
#pragma once

#include "events/log/connection.hpp"
#include "schemas/uuid.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace event_feed
{
struct lease
{
    std::int32_t lane = 0;
    std::int64_t term = 0;
    bool is_from_dead = false;  // its owner before did not give it back
    friend bool operator==(const lease&, const lease&) = default;
};

struct ownership_config
{
    event_log::connection_config connection;
    std::shared_ptr<event_log::watchdog> guard;  // the process's; none: it makes its own
    std::string role;                            // a stored word: [a-z_], at most 40
    std::chrono::milliseconds beat{2'000};
    std::chrono::milliseconds expiry{8'000};
    std::chrono::milliseconds absence{750};
    std::chrono::milliseconds look_again{200};  // while somebody's session is gone, or our own is not yet known
    std::chrono::milliseconds retry{500};       // a lost connection
    std::chrono::milliseconds call_deadline{2'000};
    std::function<void()> each_beat{};                     // on the thread, at least once a beat, store or no store
    std::function<void()> changed{};                       // what is held has changed; on the thread
    std::function<void(const std::string& why)> failed{};  // the store cannot be reached; likewise
};

class ownership
{
public:
    explicit ownership(ownership_config);
    ~ownership();  // stops

    void start();
    // Gives every lane back, at once, and ends the thread. It may be started again. Start and stop are one thread's.
    void stop();
    bool is_started() const;

    // By lane. Stays as it was while the store is away: nobody can write then, and nobody's lease ends.
    std::vector<lease> held() const;
    // Processes of the role that count as alive, this one included; 0 before the first look.
    std::size_t peers() const;
    const schema::uuid& process() const;

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};
}  // namespace event_feed
