// The threads of reads under ThreadSanitizer: who gets one while other tenants ask for more than there are.
#include "events/log/seal.hpp"
#include "http/server/query_pool.hpp"
#include "projections/runner/reader.hpp"
#include "tests/kit/eventually.hpp"
#include "tests/kit/log/rounds.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <latch>
#include <memory>

using namespace log_tests;

namespace
{
// No database: the readers are opened when they are first asked, which nobody does here.
struct given_a_pool
{
    explicit given_a_pool(http::turns_limits waiting = {100, 50})
    {
        create_master_key(room.path() / "master.key");
        ring = std::make_unique<keyring>(keyring_config{room.path() / "master.key"});
        http::query_pool_config config;
        config.threads = 4;
        config.threads_of_tenant_max = 2;
        config.waiting = waiting;
        config.store.dsn = "host=/nowhere";
        config.keys = ring.get();
        pool = std::make_unique<http::query_pool>(config, [] {
            projection::reader_config reading;
            reading.cursor_secret = std::string(32, 's');
            return std::make_unique<projection::reader>(reading);
        });
        pool->start();
    }

    bool submit(const uuid& tenant, http::query_pool::work work)
    {
        return pool->submit(tenant, std::move(work), [this](http::query_pool::fault, const char*) { ++failed; });
    }

    kit::temporary_directory room;
    std::unique_ptr<keyring> ring;
    std::unique_ptr<http::query_pool> pool;
    std::atomic<int> failed{0};
};
}  // namespace

TEST_CASE("whatever a tenant asks for, it reads on two threads of four, and others are answered meanwhile")
{
    given_a_pool in;
    const uuid slow = uuid::v7(1, {}), quick = uuid::v7(2, {});
    std::atomic<int> at_work{0}, most{0}, done{0}, answered{0};
    std::latch end{1};
    for (int i = 0; i < 20; ++i)
        REQUIRE(in.submit(slow, [&](http::query_context&) {
            most = std::max(most.load(), ++at_work);
            end.wait();
            --at_work;
            ++done;
        }));
    REQUIRE(kit::eventually([&] { return at_work == 2; }));
    for (int i = 0; i < 10; ++i)
        REQUIRE(in.submit(quick, [&](http::query_context&) { ++answered; }));
    CHECK(kit::eventually([&] { return answered == 10; }));
    CHECK(done == 0);
    end.count_down();
    CHECK(kit::eventually([&] { return done == 20; }));
    CHECK(most == 2);
    CHECK(in.failed == 0);
}

TEST_CASE("a tenant whose reads fill its share of the queue is refused, and no other one")
{
    given_a_pool in{{20, 8}};
    const uuid greedy = uuid::v7(1, {}), other = uuid::v7(2, {});
    std::latch end{1};
    std::atomic<int> at_work{0}, answered{0};
    int taken = 0;
    const auto wait = [&](http::query_context&) {
        ++at_work;
        end.wait();
    };
    for (; taken < 2; ++taken)
        REQUIRE(in.submit(greedy, wait));
    REQUIRE(kit::eventually([&] { return at_work == 2; }));
    while (taken < 100 && in.submit(greedy, wait))
        ++taken;
    CHECK(taken == 10);
    CHECK(in.submit(other, [&](http::query_context&) { ++answered; }));
    CHECK(kit::eventually([&] { return answered == 1; }));
    CHECK(in.pool->take_figures().refused == 1);
    end.count_down();
}
