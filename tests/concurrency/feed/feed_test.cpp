// The store feed and the notifier under ThreadSanitizer: writers append and tell, a reader follows, others ask for
// figures and wake, and everything is taken apart while it is busy.
#include "events/feed/notifier.hpp"
#include "events/feed/store_feed.hpp"
#include "events/log/watchdog.hpp"
#include "tests/kit/log/rounds.hpp"
#include "tests/kit/eventually.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <map>
#include <memory>
#include <thread>

using namespace log_tests;

namespace
{
// A process's worth of them: one watchdog for all connections, as in the server.
struct given_a_feed
{
    kit::database db;
    std::shared_ptr<watchdog> guard = std::make_shared<watchdog>();

    event_feed::store_feed_config feeding() const
    {
        event_feed::store_feed_config config;
        config.dsn = db.dsn();
        config.guard = guard;
        config.feed.batch_events_max = 7;
        return config;
    }

    event_feed::notifier_config telling() const
    {
        event_feed::notifier_config config;
        config.dsn = db.dsn();
        config.guard = guard;
        config.apart_min = std::chrono::milliseconds{1};
        return config;
    }

    store_config writing() const
    {
        auto config = at(db.dsn());
        config.guard = guard;
        return config;
    }
};
}  // namespace

TEST_CASE_FIXTURE(given_a_feed, "two threads append, one follows, others wake it: every event comes once and in order")
{
    constexpr int rounds = 60;
    store first{writing()};
    tenant left = new_born(first, 3), right = new_born(first, 5);
    event_feed::store_feed feed{feeding()};
    event_feed::notifier tells{telling()};

    std::atomic<int> writing_still = 2;
    std::atomic<bool> over = false;
    std::map<std::int32_t, std::int64_t> seen;
    std::thread follows{[&] {
        std::vector<position> from{{3, 0}, {5, 0}};
        for (bool last = false; !last;)
        {
            last = writing_still == 0;  // asked before the read that may find nothing
            for (auto batch = feed.read(from); !batch.empty(); batch = feed.read(from))
                for (const recorded& each : batch)
                {
                    ++seen[each.at.lane];
                    from[each.at.lane == 3 ? 0 : 1] = each.at;
                }
            if (!last)
                feed.wait();
        }
    }};
    std::vector<std::thread> writers;
    for (tenant* to : {&left, &right})
        writers.emplace_back([&, to] {
            store mine{writing()};
            stream task = to->fresh_stream();
            for (int i = 0; i < rounds; ++i)
            {
                mine.append(round_of({command{*to}.write(task)}));
                tells.appended();
                feed.wake();
            }
            --writing_still;
            feed.wake();
        });
    std::thread watches{[&] {
        while (!over)
            static_cast<void>(tells.sent() + tells.failed());
    }};

    for (std::thread& each : writers)
        each.join();
    follows.join();
    over = true;
    watches.join();
    CHECK(seen == std::map<std::int32_t, std::int64_t>{{3, rounds + 1}, {5, rounds + 1}});
    CHECK(kit::eventually([&] { return tells.sent() > 0; }));
}

TEST_CASE_FIXTURE(given_a_feed, "a waiting feed hears a notifier, and a feed and a notifier end while they are in use")
{
    for (int i = 0; i < 5; ++i)
    {
        auto patient = feeding();
        patient.feed.poll_min = patient.feed.poll_max = std::chrono::minutes{10};
        auto feed = std::make_unique<event_feed::store_feed>(patient);
        auto tells = std::make_unique<event_feed::notifier>(telling());

        std::atomic<bool> over = false;
        std::atomic<int> woken = 0;
        std::thread waits{[&] {
            while (!over)
            {
                feed->wait();
                ++woken;
            }
        }};
        std::thread calls{[&] {
            while (!over)
                tells->appended();
        }};
        CHECK(kit::eventually([&] { return woken >= 3; }));  // by nothing but NOTIFY
        over = true;
        calls.join();
        tells.reset();  // in the middle of sending
        feed->wake();
        waits.join();
    }
}

TEST_CASE_FIXTURE(given_a_feed, "sessions that die under writer, reader and notifier are replaced, and nothing is lost")
{
    store first{writing()};
    tenant left = new_born(first, 3);
    event_feed::store_feed feed{feeding()};
    event_feed::notifier tells{telling()};

    std::atomic<int> written = 0;
    std::thread writes{[&] {
        stream task = left.fresh_stream();
        for (; written < 40; ++written)
        {
            first.append(round_of({command{left}.write(task)}));
            tells.appended();
        }
    }};
    std::thread kills{[&] {
        for (int at = 10; at <= 30; at += 10)
        {
            kit::eventually([&] { return written >= at; });
            db.server().terminate_backends();
        }
    }};
    std::vector<position> from{{3, 0}};
    CHECK(kit::eventually([&] {
        try
        {
            const auto batch = feed.read(from);
            if (!batch.empty())
                from[0] = batch.back().at;
            else
                feed.wait();
        }
        catch (const event_log::unreachable&)  // two sessions in a row: asked again
        {}
        return from[0].seq == 41;
    }, std::chrono::seconds{30}));
    writes.join();
    kills.join();
}
