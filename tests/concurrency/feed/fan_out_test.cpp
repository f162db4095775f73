// The fan-out under ThreadSanitizer: writers append, followers come, look, go and are woken from the fan-out's thread,
// histories begin, and everything ends while it is in use.
#include "events/feed/fan_out.hpp"
#include "events/feed/store_feed.hpp"
#include "tests/kit/eventually.hpp"
#include "tests/kit/log/rounds.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

using namespace log_tests;
using event_feed::fan_out;

namespace
{
class plain final : public event_feed::presenter
{
public:
    std::shared_ptr<const void> prepare(std::span<const recorded>) override { return nullptr; }
    event_feed::shown show(const recorded& happened, std::string_view) override
    {
        auto made = std::make_shared<event_feed::shown_event>();
        made->seq = happened.at.seq;
        made->text = happened.data;
        return made;
    }
};

struct given_a_log
{
    kit::database db;
    std::shared_ptr<watchdog> guard = std::make_shared<watchdog>();
    plain shows;
    std::atomic<int> history{1};

    store_config writing() const
    {
        auto config = at(db.dsn());
        config.guard = guard;
        return config;
    }
    event_feed::store_feed_config feeding() const
    {
        event_feed::store_feed_config config;
        config.dsn = db.dsn();
        config.guard = guard;
        config.feed.batch_events_max = 7;
        return config;
    }
    fan_out::parts parts(event_feed::feed& from)
    {
        return {from, shows, [this] { return std::to_string(history); }, {}, [](const std::string&) {}};
    }
};
}  // namespace

TEST_CASE_FIXTURE(given_a_log, "followers on several threads each see every event once while two threads write")
{
    constexpr int rounds = 50;
    store first{writing()};
    tenant left = new_born(first, 3), right = new_born(first, 3);
    event_feed::store_feed feed{feeding()};
    fan_out fans{{}, parts(feed)};
    fans.start();

    std::atomic<int> ready{0}, wrong{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&, i] {
            const tenant& whom = i % 2 == 0 ? left : right;
            const auto news = std::make_shared<std::atomic<bool>>(false);
            const auto who = fans.follow(whom.id, whom.lane, [news] { *news = true; });
            kit::eventually([&] { return fans.at(*who, 0, 1, 1).ready; });
            auto place = fans.at(*who, 0, 1, 1).head;
            ++ready;
            int seen = 0;
            std::int64_t last = place;
            kit::eventually(
                [&] {
                    *news = false;
                    const auto now = fans.at(*who, place, 5, 100'000);
                    for (const auto& each : now.events)
                    {
                        wrong += each->seq <= last ? 1 : 0;
                        last = each->seq;
                        ++seen;
                    }
                    place = now.up_to;
                    return seen == rounds;
                },
                std::chrono::seconds{60});
            wrong += seen != rounds ? 1 : 0;
        });
    kit::eventually([&] { return ready == 4; }, std::chrono::seconds{30});
    for (tenant* to : {&left, &right})
        threads.emplace_back([&, to] {
            store mine{writing()};
            stream task = to->fresh_stream();
            for (int i = 0; i < rounds; ++i)
            {
                mine.append(round_of({command{*to}.write(task)}));
                feed.wake();
            }
        });
    for (std::thread& each : threads)
        each.join();
    CHECK(wrong == 0);
    CHECK(fans.take_figures().followers == 0);
}

TEST_CASE_FIXTURE(given_a_log, "followers come and go, histories begin and the fan-out stops, all at once")
{
    store first{writing()};
    tenant left = new_born(first, 3);
    for (int round = 0; round < 3; ++round)
    {
        event_feed::store_feed feed{feeding()};
        auto fans = std::make_unique<fan_out>(event_feed::fan_out_config{}, parts(feed));
        fans->start();
        std::atomic<bool> over{false};
        std::atomic<int> followed{0};
        std::vector<std::thread> threads;
        for (int i = 0; i < 3; ++i)
            threads.emplace_back([&] {
                while (!over)
                {
                    const auto woken = std::make_shared<std::atomic<int>>(0);
                    const auto who = fans->follow(left.id, left.lane, [woken] { ++*woken; });
                    for (int n = 0; n < 20; ++n)
                        static_cast<void>(fans->at(*who, 0, 10, 1'000));
                    ++followed;
                }
            });
        threads.emplace_back([&] {
            store mine{writing()};
            stream task = left.fresh_stream();
            while (!over)
            {
                mine.append(round_of({command{left}.write(task)}));
                feed.wake();
                ++history;
                static_cast<void>(fans->take_figures());
            }
        });
        kit::eventually([&] { return followed > 100; }, std::chrono::seconds{30});
        fans->stop();
        over = true;
        for (std::thread& each : threads)
            each.join();
    }
}
