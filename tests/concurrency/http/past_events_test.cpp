// The reader of older events under ThreadSanitizer: several threads ask for two organisations' events while one appends
// and one looks at the figures; then it stops with asks before it.
#include "http/server/past_events.hpp"
#include "tests/kit/eventually.hpp"
#include "tests/kit/log/rounds.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

using namespace log_tests;

namespace
{
struct given_a_reader
{
    given_a_reader()
    {
        create_master_key(room.path() / "master.key");
        keys = std::make_unique<keyring>(keyring_config{room.path() / "master.key"});
        http::past_events_config config;
        config.store.dsn = config.past.connection.dsn = db.dsn();
        config.page_events_max = 3;
        config.waiting = {40, 25};  // some asks are refused
        past = std::make_unique<http::past_events>(config, *keys, [this](const std::string&) { ++failures; });
        past->start();
    }

    http::past_events::ask asked_by(const tenant& who, std::int64_t after) const
    {
        http::past_events::ask made{who.id, {who.lane, after}, 1'000'000, "1.1"};
        made.asker = asker;
        return made;
    }

    kit::database db;
    kit::temporary_directory room;
    store log{at(db.dsn())};
    tenant left = new_born(log, 3), right = new_born(log, 3);
    std::unique_ptr<keyring> keys;
    std::shared_ptr<const int> asker = std::make_shared<const int>(1);
    std::atomic<int> failures{0};
    std::unique_ptr<http::past_events> past;
};
}  // namespace

TEST_CASE_FIXTURE(given_a_reader, "six threads ask while one appends and one looks, and the reader stops in between")
{
    constexpr int wanted = 150;  // pages before the end
    std::atomic<int> pages{0}, failed{0};
    std::atomic<bool> over{false};
    std::vector<std::thread> threads;
    for (int t = 0; t < 6; ++t)
        threads.emplace_back([&, t] {
            const auto& who = t % 2 == 0 ? left : right;
            for (std::int64_t nth = 0; !over; ++nth)
            {
                auto ask = asked_by(who, nth % 5);
                if (nth % 7 == 0)
                    ask.until = std::chrono::steady_clock::now();
                const bool is_taken = past->read(std::move(ask), [&](http::past_events::page got) {
                    failed += got.failed ? 1 : 0;
                    ++pages;
                });
                if (!is_taken)
                    kit::eventually([&] { return over || past->has_room_for(who.id); });
            }
        });
    threads.emplace_back([&] {
        stream to = left.fresh_stream();
        for (int i = 0; i < 100 && !over; ++i)
            log.append(round_of({command(left).write(to)}));
    });
    threads.emplace_back([&] {
        while (!over)
        {
            past->take_figures();
            past->holds_too_much(left.id);
        }
    });
    CHECK(kit::eventually([&] { return pages >= wanted; }, kit::milliseconds{60'000}));
    past->stop();
    over = true;
    for (auto& each : threads)
        each.join();
    CHECK(failed == 0);
    CHECK(failures == 0);
    CHECK(past->take_figures().passed_over > 0);
}
