// The watchdog shuts what is late, and nothing else.
#include "events/log/watchdog.hpp"
#include "tests/kit/eventually.hpp"

#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <sys/socket.h>
#include <unistd.h>

using event_log::watchdog;
using namespace std::chrono_literals;

namespace
{
struct socket_pair
{
    std::array<int, 2> ends{};
    socket_pair() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0); }
    ~socket_pair()
    {
        ::close(ends[0]);
        ::close(ends[1]);
    }
    bool is_shut() const
    {
        char byte = 0;
        return ::recv(ends[0], &byte, 1, MSG_DONTWAIT) == 0;
    }
};
}  // namespace

TEST_CASE("a call that outlives its deadline is ended, again and again")
{
    watchdog dog;
    for (std::uint64_t turn = 1; turn <= 20; ++turn)
    {
        socket_pair call;
        const watchdog::watch watch{dog, call.ends[0], watchdog::clock::now() + 1ms};
        CHECK(kit::eventually([&] { return call.is_shut(); }));
        CHECK(dog.fired() == turn);
    }
}

TEST_CASE("a call that is over in time is left alone, and a later one with an earlier deadline is seen")
{
    watchdog dog;
    socket_pair patient, brief, done;
    const watchdog::watch long_watch{dog, patient.ends[0], watchdog::clock::now() + 1h};
    {
        const watchdog::watch over{dog, done.ends[0], watchdog::clock::now() + 1h};
    }
    const watchdog::watch short_watch{dog, brief.ends[0], watchdog::clock::now() + 1ms};
    CHECK(kit::eventually([&] { return brief.is_shut(); }));
    CHECK_FALSE(patient.is_shut());
    CHECK_FALSE(done.is_shut());
    CHECK(dog.fired() == 1);
}
