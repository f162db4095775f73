// One read of the log for many followers, and the past of one tenant page by page, against a real log.
#include "events/feed/fan_out.hpp"
#include "events/feed/store_feed.hpp"
#include "events/feed/tenant_past.hpp"
#include "tests/kit/eventually.hpp"
#include "tests/kit/log/rounds.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

using namespace log_tests;
using event_feed::fan_out;

namespace
{
// Shows every event as its seq, and counts how often each was shown.
class counting final : public event_feed::presenter
{
public:
    std::shared_ptr<const void> prepare(std::span<const recorded>) override { return nullptr; }
    event_feed::shown show(const recorded& happened, std::string_view) override
    {
        ++shown;
        auto made = std::make_shared<event_feed::shown_event>();
        made->seq = happened.at.seq;
        made->type = happened.type;
        made->text = std::string(bytes_each, '.');
        return made;
    }
    std::atomic<int> shown{0};
    std::atomic<std::size_t> bytes_each{100};
};

struct given_a_fan_out
{
    kit::database db;
    store log{at(db.dsn())};
    tenant left = new_born(log, 3), right = new_born(log, 3), far = new_born(log, 5);
    event_feed::store_feed feed{[&] {
        event_feed::store_feed_config config;
        config.dsn = db.dsn();
        return config;
    }()};
    counting shows;
    std::atomic<int> history{1};
    std::unique_ptr<fan_out> fans = begin({});

    std::unique_ptr<fan_out> begin(event_feed::fan_out_config config)
    {
        auto made = std::make_unique<fan_out>(
            config, fan_out::parts{feed, shows, [this] { return std::to_string(history); }, {}, [](const auto&) {}});
        made->start();
        return made;
    }
    ~given_a_fan_out() { fans.reset(); }

    void append(tenant& to, int events)
    {
        stream task = to.fresh_stream();
        for (int i = 0; i < events; ++i)
            log.append(round_of({command{to}.write(task)}));
        feed.wake();
    }

    std::shared_ptr<fan_out::follower> follow(const tenant& whom, std::atomic<int>* woken = nullptr)
    {
        auto made = fans->follow(whom.id, whom.lane, [woken] { woken ? void(++*woken) : void(); });
        kit::await("where the lane ends", [&] { return look(*made, 0).ready; });
        return made;
    }
    fan_out::look look(const fan_out::follower& who, std::int64_t after) const
    {
        return fans->at(who, after, 1'000, 1'000'000);
    }
    std::vector<std::int64_t> seqs(const fan_out::follower& who, std::int64_t after) const
    {
        std::vector<std::int64_t> made;
        for (const auto& each : look(who, after).events)
            made.push_back(each->seq);
        return made;
    }
};

using numbers = std::vector<std::int64_t>;
}  // namespace

TEST_CASE_FIXTURE(given_a_fan_out, "an event is shown once for all who follow its tenant, and not at all for others")
{
    std::atomic<int> woken{0};
    const auto one = follow(left), two = follow(left, &woken);
    CHECK(look(*one, 0).head == 2);  // both tenants' births
    const auto before = woken.load();
    append(left, 3);
    append(right, 2);
    append(far, 2);
    CHECK(kit::eventually([&] { return look(*one, 2).up_to == 7; }));  // over the other tenant's, too
    CHECK(seqs(*one, 2) == numbers{3, 4, 5});
    CHECK(seqs(*two, 3) == numbers{4, 5});
    CHECK(woken > before);
    CHECK(shows.shown == 3);
    CHECK(fans->take_figures().followers == 2);
    CHECK(fans->take_figures().tenants == 1);
}

TEST_CASE_FIXTURE(given_a_fan_out, "who comes later finds the ring where it stands, and is behind for what was before")
{
    const auto first = follow(left);
    append(left, 2);
    CHECK(kit::eventually([&] { return seqs(*first, 2) == numbers{3, 4}; }));
    const auto second = follow(left);
    CHECK(look(*second, 0).head == 4);
    CHECK(seqs(*second, 2) == numbers{3, 4});
    CHECK(look(*second, 1).behind);
    CHECK(look(*second, 1).ring_from == 2);
    const auto other = follow(right);  // its ring begins now
    CHECK(look(*other, 3).behind);
    CHECK_FALSE(look(*other, 4).behind);
}

TEST_CASE_FIXTURE(given_a_fan_out, "a ring keeps what fits, and who has fallen out of it is told where it begins")
{
    fans = begin({.tenant_ring_bytes_max = 5'000});
    shows.bytes_each = 1'000;
    const auto who = follow(left);
    append(left, 20);
    CHECK(kit::eventually([&] { return seqs(*who, 21) == numbers{22}; }));
    const auto old = look(*who, 2);
    CHECK(old.behind);
    CHECK(old.ring_from > 15);
    CHECK(seqs(*who, old.ring_from).back() == 22);
    CHECK(fans->take_figures().ring_bytes <= 5'000);
    CHECK(fans->at(*who, old.ring_from, 2, 1'000'000).events.size() == 2);
    CHECK(fans->at(*who, old.ring_from, 100, 1).events.size() == 1);  // one in any case

    fans = begin({.ring_bytes_max = 5'000});
    const auto one = follow(left), two = follow(right);
    append(left, 5);
    append(right, 5);
    CHECK(kit::eventually([&] { return seqs(*two, 31) == numbers{32}; }));
    CHECK(fans->take_figures().ring_bytes <= 5'000);
}

TEST_CASE_FIXTURE(given_a_fan_out, "a ring outlives its last follower for a while, and then nothing is read any more")
{
    fans = begin({.ring_kept_for = kit::milliseconds{300}});
    auto who = follow(left);
    append(left, 1);
    CHECK(kit::eventually([&] { return seqs(*who, 2) == numbers{3}; }));
    who.reset();
    who = follow(left);
    CHECK_FALSE(look(*who, 2).behind);
    who.reset();
    CHECK(kit::eventually([&] { return fans->take_figures().tenants == 0; }));
    const auto before = shows.shown.load();
    append(left, 3);
    who = follow(left);
    CHECK(look(*who, 3).behind);
    CHECK(shows.shown == before);
}

TEST_CASE_FIXTURE(given_a_fan_out, "another history begins everybody anew, from the end of the lane")
{
    const auto who = follow(left);
    append(left, 2);
    CHECK(kit::eventually([&] { return seqs(*who, 2) == numbers{3, 4}; }));
    const auto before = look(*who, 2).history;
    history = 2;
    feed.wake();
    CHECK(kit::eventually([&] { return look(*who, 2).ready && look(*who, 2).history != before; }));
    CHECK(look(*who, 2).incarnation == "2");
    CHECK(look(*who, 2).head == 4);
    CHECK(look(*who, 2).behind);
    append(left, 1);
    CHECK(kit::eventually([&] { return seqs(*who, 4) == numbers{5}; }));
}

TEST_CASE_FIXTURE(given_a_fan_out, "sessions that are lost cost followers nothing")
{
    const auto who = follow(left);
    db.server().terminate_backends();
    append(left, 3);
    CHECK(kit::eventually([&] { return seqs(*who, 2) == numbers{3, 4, 5}; }));
}

// -- The past

namespace
{
struct given_a_past : given_a_fan_out
{
    event_feed::tenant_past_config reading() const
    {
        event_feed::tenant_past_config config;
        config.connection.dsn = db.dsn();
        return config;
    }
    // Everything of a tenant up to a place, page by page.
    numbers read(event_feed::tenant_past& from, const tenant& of, std::int64_t up_to, std::size_t events_max,
                 std::size_t bytes_max) const
    {
        numbers made;
        for (std::int64_t at = 0; at < up_to;)
        {
            const auto page = from.read(of.id, {of.lane, at}, up_to, events_max, bytes_max);
            REQUIRE(page.up_to > at);
            REQUIRE(page.events.size() <= events_max);
            for (const recorded& each : page.events)
                made.push_back(each.at.seq);
            at = page.up_to;
        }
        return made;
    }
};
}  // namespace

TEST_CASE_FIXTURE(given_a_past, "a tenant's past comes whole and in order, whatever bounds a page")
{
    for (int i = 0; i < 5; ++i)
        append(left, 3), append(right, 4);
    numbers wanted{1};
    for (int i = 0; i < 5; ++i)
        for (int n = 0; n < 3; ++n)
            wanted.push_back(3 + i * 7 + n);
    for (const std::size_t events : {1, 2, 3, 4, 200})
        for (const std::int64_t window : {1, 2, 7, 20'000})
            for (const std::size_t bytes : {1, 400, 1'000'000})
            {
                CAPTURE(events);
                CAPTURE(window);
                CAPTURE(bytes);
                auto config = reading();
                config.window_events = window;
                event_feed::tenant_past past{config};
                CHECK(read(past, left, 37, events, bytes) == wanted);
                CHECK(read(past, left, 5, events, bytes) == numbers{1, 3, 4, 5});
            }
}

TEST_CASE_FIXTURE(given_a_past, "a page whose time is over says how far it came")
{
    append(right, 20);
    auto config = reading();
    config.window_events = 2;
    config.page_time = kit::milliseconds{0};
    event_feed::tenant_past past{config};
    const auto page = past.read(left.id, {left.lane, 2}, 22, 10, 1'000);
    CHECK(page.events.empty());
    CHECK(page.up_to == 4);  // one window in any case
    config.page_time = kit::milliseconds{10'000};
    event_feed::tenant_past patient{config};
    CHECK(patient.read(left.id, {left.lane, 2}, 22, 10, 1'000).up_to == 22);
    db.server().terminate_backends();
    CHECK_THROWS_AS(patient.read(left.id, {left.lane, 2}, 22, 10, 1'000), event_log::unreachable);
    CHECK(patient.read(left.id, {left.lane, 2}, 22, 10, 1'000).up_to == 22);
}
