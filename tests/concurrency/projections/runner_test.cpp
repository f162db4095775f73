// The runner's thread under ThreadSanitizer: appends, wake-ups, readers that wait for positions, figures, and an end in
// the middle of the work.
#include "events/client.hpp"
#include "projections/runner/position_poll.hpp"
#include "tests/kit/projections/world.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

using namespace projection_tests;

namespace
{
using steady = std::chrono::steady_clock;

client::created new_client()
{
    client::created fact;
    fact.id = {fresh_id()};
    fact.name = "A client";
    fact.email = schema::personal<std::string>{"someone@example.com", false};
    return fact;
}

// Waits for the log's own heads, over and over, as readers of their own writes do: by blocking, and by a call.
void read_own_writes(projection::positions& at, std::vector<position> wanted, std::atomic<int>& shown,
                     std::atomic<int>& called)
{
    const auto ticket = at.when(wanted, [&called] { ++called; });
    if (at.wait_until(wanted, steady::now() + std::chrono::seconds{30}) && at.has_reached(wanted))
        ++shown;
    at.cancel(ticket);
}
}  // namespace

TEST_CASE("appends, waiting readers and figures beside a running runner: every reader sees its own write")
{
    world in;
    const uuid tenant = in.tenant(1);
    std::atomic<int> shown = 0, called = 0;  // outlive the runner, which makes the calls
    std::atomic<bool> over = false;
    running it{in, in.room.path() / "cache"};

    std::vector<std::thread> watchers;
    for (int i = 0; i < 2; ++i)
        watchers.emplace_back([&] {
            while (!over)
            {
                it.runner.take();
                it.positions.at(1);
                it.positions.awaited();
                it.reports();
            }
        });
    constexpr int writes = 20;
    std::vector<std::thread> readers;
    for (int i = 0; i < writes; ++i)
    {
        const auto fact = new_client();
        in.append(tenant, "client", fact.id.value, fact);
        in.flush();
        it.runner.wake();
        readers.emplace_back([&, heads = in.heads()] { read_own_writes(it.positions, heads, shown, called); });
    }
    for (std::thread& each : readers)
        each.join();
    over = true;
    for (std::thread& each : watchers)
        each.join();

    CHECK(shown == writes);
    CHECK(kit::eventually([&] { return called == writes; }));
    CHECK(in.db.run("select count(*) from read.client") == std::to_string(writes));
    it.stop();
    CHECK(in.verified().different == 0);
}

TEST_CASE("two runners on the same lanes and a poll of their positions, all stopped in the middle of the work")
{
    world in;
    random_history(in, 7, {3, 150});
    {
        projection::positions elsewhere;
        projection::position_poll poll{
            {in.rows(), std::chrono::milliseconds{5}, std::chrono::milliseconds{20}}, projection::read_models(),
            elsewhere};
        running one{in, in.room.path() / "cache"};
        running two{in, in.room.path() / "cache"};
        CHECK(elsewhere.wait_until(in.heads(), steady::now() + std::chrono::seconds{30}));
        random_history(in, 8, {3, 150});
        one.runner.wake();
        two.runner.wake();
        std::thread stops{[&] { one.stop(); }};
        std::thread wakes{[&] {
            for (int i = 0; i < 1'000; ++i)
                two.runner.wake();
        }};
        stops.join();
        wakes.join();
    }
    running last{in, in.room.path() / "cache"};
    last.catch_up();
    CHECK(in.verified().different == 0);
}

TEST_CASE("readers that wait are cancelled and time out while the runner goes on")
{
    world in;
    const uuid tenant = in.tenant(1);
    running it{in, in.room.path() / "cache"};
    it.catch_up();
    std::vector<std::thread> waiters;
    std::atomic<int> late = 0;
    const std::vector<position> never{{1, 1'000'000}};
    for (int i = 0; i < 4; ++i)
        waiters.emplace_back([&] {
            for (int n = 0; n < 20; ++n)
            {
                const auto ticket = it.positions.when(never, [] {});
                late += it.positions.wait_until(never, steady::now() + std::chrono::milliseconds{2}) ? 0 : 1;
                it.positions.cancel(ticket);
            }
        });
    for (int i = 0; i < 10; ++i)
    {
        const auto fact = new_client();
        in.append(tenant, "client", fact.id.value, fact);
        in.flush();
        it.runner.wake();
    }
    for (std::thread& each : waiters)
        each.join();
    it.catch_up();
    CHECK(late == 80);
    CHECK(it.positions.awaited().empty());
}
