// A world as another process sees it: the test program started again for one of its cases, to be killed where it works.
//
//     TEST_CASE("child: builds" * doctest::skip())
//     {
//         if (!guest::is_one())
//             return;
//         guest at;
//         projection::rebuild(at.rebuilding(), …);
//     }
//     …
//     CHECK(run_child(in, "child: builds", "rebuild.finished:kill") == killed);
#pragma once

#include "tests/kit/process.hpp"
#include "tests/kit/projections/world.hpp"

#include <map>
#include <string>

namespace projection_tests
{
// How a process ends at a fault point that kills.
inline constexpr kit::ending killed{137, 0}, ended_well{0, 0};

// The fault is planted as the environment says it, "" for none; `told` is found by `guest::told`.
kit::ending run_child(const world&, const std::string& test_case, const std::string& fault,
                      const std::map<std::string, std::string>& told = {});

class guest
{
public:
    static bool is_one();  // false in a test program that nobody has started as a child
    static std::string told(const std::string& name);

    guest();

    projection::row_store_config rows() const;
    event_log::store_config log() const;
    std::unique_ptr<event_feed::feed> feed() const;
    projection::rebuild_config rebuilding() const;

    const std::string dsn;
    const std::shared_ptr<event_log::watchdog> watchdog = std::make_shared<event_log::watchdog>();
    event_log::keyring keys;
    schema::system_clock clock;
};
}  // namespace projection_tests
