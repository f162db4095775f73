// Access that was refused to keys we know: counted in memory, told to the log once its minute is over.
//
// One fact per key, code and minute, so that whoever knocks a thousand times leaves one line. Of a tenant so many keys
// a minute are told by themselves and the rest in one sum; the table as a whole is bounded, and what finds no room is
// only counted. A fact goes the way of every command; while the store is away it is kept and tried again with the same
// id, so it is told once. A crash loses what was counted since the last minute ended; `stop` tells it early instead.
// `count` may be called from any thread and never waits for the store. One thread, `refusals`, tells.
#pragma once

#include "commands/lanes/dispatcher.hpp"
#include "events/access.hpp"
#include "schemas/time.hpp"
#include "schemas/uuid.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace http
{
struct refused_access_config
{
    std::chrono::milliseconds window{60'000};       // a minute; tests have less time
    std::size_t keys_told_max = 20;                 // of one tenant, code and window; the rest are summed up
    std::size_t entries_max = 10'000;               // in memory, of all tenants
    std::chrono::milliseconds kept_max{3'600'000};  // how long a fact is tried while the store is away
    std::chrono::milliseconds command_time_max{10'000};
    std::chrono::milliseconds stop_time_max{3'000};  // for what is left when the server stops
};

// One refusal.
struct refusal_seen
{
    schema::uuid tenant;
    accesses::key_id key;
    std::optional<schema::uuid> member;
    std::string code;
    accesses::reason why = accesses::reason::scope;
    std::string route;
    schema::moment at;
    std::string request_id;
    std::string ip;
    std::string agent;
};

class refused_access
{
public:
    using submit = std::function<void(lanes::submission, std::function<void(lanes::answer)>)>;

    refused_access(refused_access_config, const schema::clock&, submit);
    ~refused_access();  // stops

    void start();
    void stop();

    void count(const refusal_seen&);

    struct figures
    {
        std::uint64_t counted = 0;
        std::uint64_t told = 0;  // facts
        std::uint64_t lost = 0;  // refusals that found no room, or whose fact was given up
    };
    figures look() const;

private:
    struct implementation;
    // Answers of the dispatcher may come after the end.
    std::shared_ptr<implementation> self_;
};
}  // namespace http
