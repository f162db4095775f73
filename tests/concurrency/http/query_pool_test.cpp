// The threads of reads under ThreadSanitizer: who gets one while other tenants ask for more than there are.
#include "events/log/seal.hpp"
#include "http/server/query_pool.hpp"
#include "projections/runner/reader.hpp"
#include "tests/kit/eventually.hpp"
#include "tests/kit/log/rounds.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <latch>
#include <memory>
#include <thread>
#include <tuple>

using namespace log_tests;

namespace
{
// No database: the readers are opened when they are first asked, which nobody does here.
struct given_a_pool
{
    explicit given_a_pool(const std::function<void(http::query_pool_config&)>& adjust = {})
    {
        create_master_key(room.path() / "master.key");
        ring = std::make_unique<keyring>(keyring_config{room.path() / "master.key"});
        http::query_pool_config config;
        config.threads = 4;
        config.threads_of_tenant_max = 2;
        config.waiting = {20, 8};
        config.store.dsn = "host=/nowhere";
        config.keys = ring.get();
        if (adjust)
            adjust(config);
        pool = std::make_unique<http::query_pool>(config, [] {
            projection::reader_config reading;
            reading.cursor_secret = std::string(32, 's');
            return std::make_unique<projection::reader>(reading);
        });
        pool->start();
    }
    ~given_a_pool()
    {
        if (!end.try_wait())
            end.count_down();
        pool->stop();
    }

    // Reads until `end`.
    bool read_slowly()
    {
        return submit(slow, [this](http::query_context&) {
            most = std::max(most.load(), ++at_work);
            end.wait();
            --at_work;
            ++done;
        });
    }
    bool read_quickly()
    {
        return submit(quick, [this](http::query_context&) { ++answered; });
    }
    bool submit(const uuid& tenant, http::query_pool::work work)
    {
        return pool->submit(tenant, std::move(work), [this](http::query_pool::fault what, const char*) {
            ++(what == http::query_pool::fault::late ? late : failed);
        });
    }

    const uuid slow = uuid::v7(1, {}), quick = uuid::v7(2, {});
    kit::temporary_directory room;
    std::unique_ptr<keyring> ring;
    std::atomic<int> at_work{0}, most{0}, done{0}, answered{0}, late{0}, failed{0};
    std::latch end{1};
    std::unique_ptr<http::query_pool> pool;
};
}  // namespace

TEST_CASE("whatever a tenant asks for, it reads on two threads of four, and others are answered meanwhile")
{
    given_a_pool in;
    for (int i = 0; i < 8; ++i)
        REQUIRE(in.read_slowly());
    REQUIRE(kit::eventually([&] { return in.at_work == 2; }));
    for (int i = 0; i < 8; ++i)
        REQUIRE(in.read_quickly());
    CHECK(kit::eventually([&] { return in.answered == 8; }));
    CHECK(in.at_work == 2);
    CHECK(in.most == 2);
    CHECK(in.done == 0);
    CHECK(in.failed == 0);
}

TEST_CASE("a share of all threads leaves one to the others, and a share of none is one")
{
    for (const auto& [threads, share, expected] : {std::tuple{2, 2, 1}, {3, 9, 2}, {4, 0, 1}, {0, 0, 1}})
    {
        given_a_pool in{[threads, share](http::query_pool_config& config) {
            config.threads = threads;
            config.threads_of_tenant_max = share;
        }};
        CAPTURE(threads);
        for (int i = 0; i < 5; ++i)
            REQUIRE(in.read_slowly());
        REQUIRE(kit::eventually([&] { return in.at_work == expected; }));
        if (threads > 1)
        {
            REQUIRE(in.read_quickly());
            CHECK(kit::eventually([&] { return in.answered == 1; }));
        }
        CHECK(in.most == expected);
    }
}

TEST_CASE("a tenant whose reads fill its share of the queue is refused, and no other one")
{
    given_a_pool in;
    int taken = 0;
    for (; taken < 2; ++taken)
        REQUIRE(in.read_slowly());
    REQUIRE(kit::eventually([&] { return in.at_work == 2; }));
    while (taken < 100 && in.read_slowly())
        ++taken;
    CHECK(taken == 10);
    CHECK(in.read_quickly());
    CHECK(kit::eventually([&] { return in.answered == 1; }));
    CHECK(in.pool->take_figures().refused == 1);
}

TEST_CASE("reads behind a tenant's own slow ones are told in time that nobody came to them")
{
    given_a_pool in{[](http::query_pool_config& config) { config.waiting_time_max = std::chrono::milliseconds{20}; }};
    for (int i = 0; i < 5; ++i)
        REQUIRE(in.read_slowly());
    CHECK(kit::eventually([&] { return in.late >= 3; }));
    CHECK(in.done == 0);
}

TEST_CASE("what waits when the pool stops is dropped, and what runs is run to its end")
{
    given_a_pool in;
    for (int i = 0; i < 5; ++i)
        REQUIRE(in.read_slowly());
    REQUIRE(kit::eventually([&] { return in.at_work == 2; }));
    std::thread stopping{[&] { in.pool->stop(); }};
    REQUIRE(kit::eventually([&] { return !in.read_quickly(); }));
    in.end.count_down();
    stopping.join();
    CHECK(in.done == 2);
    CHECK(in.late + in.failed == 0);
}
