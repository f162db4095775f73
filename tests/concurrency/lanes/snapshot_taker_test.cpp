// The taker of snapshots under ThreadSanitizer: several threads tell it of streams that moved while it reads and keeps
// them and others look at what is kept, and it ends with work before it.
#include "commands/lanes/snapshot_taker.hpp"
#include "tests/kit/eventually.hpp"
#include "tests/kit/lanes/site.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace
{
using kit::command;
using kit::told;

constexpr std::int64_t every = 5;
constexpr int events = 12;
constexpr int streams = 6;

struct given_streams
{
    given_streams()
    {
        const auto office = site.open();
        for (int i = 0; i < streams; ++i)
        {
            const auto tenant = site.new_house(*office);
            const auto id = site.new_id();
            REQUIRE(told(office->ask(command(tenant, thing::make(tenant, {id, "1", "ann@example.org"})))) == "201");
            for (int version = 2; version <= events; ++version)
                REQUIRE(told(office->ask(command(tenant, thing::rename(tenant, id, std::to_string(version))))) ==
                        "200");
            all.push_back({&lanes::aggregate_of<thing::state>(), tenant, id});
        }
        config.directory = room.path();
        config.folded_by = "a test";
        config.every = every;
        store.dsn = site.db().dsn();
    }

    kit::site site;
    kit::temporary_directory room;
    std::vector<lanes::stream_ref> all;
    event_log::snapshot_config config;
    event_log::store_config store;
};
}  // namespace

TEST_CASE_FIXTURE(given_streams, "snapshots are taken while four threads tell of streams and one looks, until the end")
{
    event_log::keyring keys{{site.master_key()}};
    event_log::snapshots kept{config, [] { return std::string{"1.1"}; }};
    auto taker = std::make_unique<lanes::snapshot_taker>(store, keys, kept);
    std::atomic<bool> over{false};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            for (int round = 0; round < 200; ++round)
                taker->moved(all[static_cast<std::size_t>(round + t) % all.size()], round % every,
                             round % every + every);
        });
    threads.emplace_back([&] {
        while (!over)
            for (const auto& each : all)
                kept.newest({each.tenant, each.id, each.type->form()}, events);
    });
    const bool all_kept = kit::eventually(
        [&] {
            for (const auto& each : all)
                if (!kept.newest({each.tenant, each.id, each.type->form()}, events))
                    return false;
            return true;
        },
        kit::milliseconds{60'000});
    CHECK(all_kept);
    for (std::size_t t = 0; t < 4; ++t)
        threads[t].join();
    taker = nullptr;  // what still waits is left
    over = true;
    threads.back().join();
    CHECK(kept.look().unwritten == 0);
}
