// Who counts as dead, and who takes which lanes.
#include "events/feed/lane_shares.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace event_feed;
using schema::uuid;
using std::chrono::milliseconds;

namespace
{
uuid process(std::uint8_t n)
{
    uuid made;
    made.bytes[15] = n;
    return made;
}

const uuid self = process(1), other = process(2), third = process(3);

std::vector<seen_lease> lanes(std::size_t count, std::optional<uuid> owner)
{
    std::vector<seen_lease> made;
    for (std::size_t i = 0; i < count; ++i)
        made.push_back({static_cast<std::int32_t>(i), 7, owner});
    return made;
}

bool none_left_over(const seen_lease&) { return false; }

struct watched
{
    std::set<uuid> look(milliseconds at, std::int64_t beat, bool is_here, bool is_settled = true)
    {
        const peer one{other, beat, is_here};
        return watch.look(peer_watch::time_point{at}, {&one, 1}, is_settled);
    }
    bool lives(milliseconds at, std::int64_t beat, bool is_here, bool is_settled = true)
    {
        return look(at, beat, is_here, is_settled).contains(other);
    }
    peer_watch watch{milliseconds{8'000}, milliseconds{750}};
};
}  // namespace

TEST_CASE("a process whose beat stands still for the expiry is dead, and not a moment earlier")
{
    watched it;
    CHECK(it.lives(milliseconds{0}, 5, true));
    CHECK(it.lives(milliseconds{7'999}, 5, true));
    CHECK_FALSE(it.lives(milliseconds{8'000}, 5, true));
    CHECK(it.lives(milliseconds{8'001}, 6, true));  // it was only slow
}

TEST_CASE("a process whose session is gone is given up after a short absence, unless it comes back")
{
    watched it;
    CHECK(it.lives(milliseconds{0}, 5, true));
    CHECK_FALSE(it.watch.is_unsure());
    CHECK(it.lives(milliseconds{1'000}, 5, false));
    CHECK(it.watch.is_unsure());
    CHECK(it.lives(milliseconds{1'500}, 6, true));
    CHECK(it.lives(milliseconds{1'900}, 6, false));
    CHECK(it.lives(milliseconds{2'600}, 6, false));
    CHECK_FALSE(it.lives(milliseconds{2'650}, 6, false));
}

TEST_CASE("after a restart of the server nobody is given up for being absent")
{
    watched it;
    CHECK(it.lives(milliseconds{0}, 5, false, false));
    CHECK(it.lives(milliseconds{7'000}, 5, false, false));
    CHECK_FALSE(it.lives(milliseconds{8'000}, 5, false, false));  // but for standing still
}

TEST_CASE("a new connection watches anew: what was seen over the last one counts for nothing")
{
    watched it;
    CHECK(it.lives(milliseconds{0}, 5, true));
    it.watch.forget();
    CHECK(it.lives(milliseconds{60'000}, 5, true));
    CHECK(it.lives(milliseconds{67'999}, 5, true));
    CHECK_FALSE(it.lives(milliseconds{68'000}, 5, true));
}

TEST_CASE("who is alone takes everything that is free or belonged to the dead")
{
    auto all = lanes(4, std::nullopt);
    all[1].owner = other;
    const auto moves = share_out(self, all, {self}, none_left_over);
    CHECK(moves.take.size() == 4);
    CHECK(moves.give.empty());
}

TEST_CASE("who has more than a fair share gives the rest back, and the newcomer takes it")
{
    const auto before = share_out(self, lanes(5, self), {self, other}, none_left_over);
    REQUIRE(before.give.size() == 2);
    CHECK(before.take.empty());

    auto after = lanes(5, self);
    for (const auto& given : before.give)
        after[static_cast<std::size_t>(given.lane)].owner.reset();
    CHECK(share_out(other, after, {self, other}, none_left_over).take.size() == 2);
    CHECK(share_out(self, after, {self, other}, none_left_over).take.empty());
}

TEST_CASE("nobody touches the lanes of the living")
{
    const auto moves = share_out(self, lanes(4, other), {self, other}, none_left_over);
    CHECK(moves.take.empty());
    CHECK(moves.give.empty());
}

TEST_CASE("what nobody took although everybody could have had a share is taken beyond it")
{
    auto all = lanes(4, self);
    all[2].owner.reset();
    all[3].owner.reset();
    CHECK(share_out(self, all, {self, third}, none_left_over).take.empty());
    CHECK(share_out(self, all, {self, third}, [](const seen_lease& each) { return each.lane == 3; }).take.size() == 1);
}
