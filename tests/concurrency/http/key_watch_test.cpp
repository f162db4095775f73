// Watches over keys under ThreadSanitizer: several threads ask of keys that nobody knows, each through watches of its
// own, while the thread `keys` looks them up, another one writes down their use, and everything stops while they still
// ask.
#include "events/feed/store_feed.hpp"
#include "http/server/key_use.hpp"
#include "http/server/key_watch.hpp"
#include "tests/kit/eventually.hpp"
#include "tests/kit/log/rounds.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace log_tests;

namespace
{
class silent final : public http::journal
{
public:
    void access(const http::access_line&) override {}
    void note(http::severity, std::string_view, std::string_view) override {}
};

struct given_keys
{
    given_keys()
    {
        create_master_key(room.path() / "master.key");
        ring = std::make_unique<keyring>(keyring_config{room.path() / "master.key"});
        http::credentials_config config;
        config.store = at(db.dsn());
        config.check_interval = config.use_flush_interval = std::chrono::milliseconds{5};
        config.absent_for = std::chrono::milliseconds{1};  // so that they are looked up again and again
        known = std::make_unique<http::credentials>(config, *ring, clock,
                                                    [this](const http::use_sending& uses) { writer.keep(uses); });
        event_feed::store_feed_config feeding;
        feeding.dsn = db.dsn();
        feed = std::make_unique<event_feed::store_feed>(feeding);
        live = std::make_unique<http::live>(
            http::live_config{},
            http::live::parts{
                *feed, *ring, at(db.dsn()), *known, clock, log, [] { return std::string{"1.1"}; }, {}, {}});
        known->start();
    }

    kit::database db;
    kit::temporary_directory room;
    schema::system_clock clock;
    silent log;
    http::key_use_writer writer{at(db.dsn())};
    std::unique_ptr<keyring> ring;
    std::unique_ptr<http::credentials> known;
    std::unique_ptr<event_feed::feed> feed;
    std::unique_ptr<http::live> live;
};
}  // namespace

TEST_CASE_FIXTURE(given_keys, "watches of four threads find out that their keys are nobody's, and everything stops")
{
    constexpr int wanted = 400;  // keys found out before the end
    std::atomic<int> found_out{0}, answered{0};
    std::atomic<bool> over{false};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&, t] {
            for (int nth = 0; !over; ++nth)
            {
                const auto digest = std::string(63, 'a') + std::to_string((nth + t) % 8);
                http::key_watch watch{*live, digest, std::chrono::steady_clock::now()};
                if (kit::eventually([&] { return over || !watch.is_good(std::chrono::steady_clock::now()); }))
                    ++found_out;
                known->resolve(digest, [&](const http::credentials::answer&) { ++answered; });
            }
        });
    CHECK(kit::eventually([&] { return found_out >= wanted; }, kit::milliseconds{60'000}));
    known->stop();
    over = true;
    for (auto& each : threads)
        each.join();
    CHECK(answered > 0);
}
