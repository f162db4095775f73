// PostgreSQL crashes, loses its sessions or stands still under a load of commands: what was answered is true.
#include "commands/lanes/writer.hpp"
#include "tests/kit/eventually.hpp"
#include "tests/kit/lanes/load.hpp"
#include "tests/kit/proxy.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

namespace
{
using namespace std::chrono_literals;
using kit::op_log;
using kit::told;

lanes::submission create(kit::site& site, const schema::uuid& tenant)
{
    return kit::command(tenant, thing::make(tenant, {site.new_id(), "x"}));
}

void check(const op_log& log, const kit::site& site)
{
    CHECK(log.count(op_log::outcome::done) > 0);
    for (const std::string& problem : log.check(site.db()))
        FAIL_CHECK(problem);
}
}  // namespace

TEST_CASE("crashes of the server lose nothing that was acknowledged, and leave nothing that was refused")
{
    kit::cluster cluster;  // with fsync
    kit::site site(cluster);
    const auto office = site.open({}, 3s);
    const schema::uuid tenant = site.new_house(*office);
    op_log log("crash");
    {
        kit::load load(site, *office, tenant, log, 8, 5s);
        for (int crash = 0; crash < 5; ++crash)
        {
            const std::size_t before = load.answered();
            kit::await("the load goes on", [&] { return load.answered() > before + 200; });
            cluster.stop_immediate();
            kit::await("the load is told that the store is away",
                       [&] { return log.count(op_log::outcome::refused) + log.count(op_log::outcome::unknown) > 0; });
            cluster.start();
        }
        const std::size_t before = load.answered();
        kit::await("the writers heal", [&] { return load.answered() > before + 200; });
    }
    check(log, site);
}

TEST_CASE("sessions that are ended again and again lose nothing that was acknowledged")
{
    kit::cluster cluster;
    kit::site site(cluster);
    const auto office = site.open({}, 3s);
    const schema::uuid tenant = site.new_house(*office);
    op_log log("ended");
    {
        kit::load load(site, *office, tenant, log, 8, 5s);
        for (int round = 0; round < 20; ++round)
        {
            const std::size_t before = load.answered();
            kit::await("the load goes on", [&] { return load.answered() > before + 50; });
            cluster.terminate_backends();
        }
    }
    check(log, site);
}

TEST_CASE("a server that stands still is told within the deadline, and believed again when it moves")
{
    kit::cluster cluster;
    kit::site site(cluster);
    const auto office = site.open({}, 1s);
    const schema::uuid tenant = site.new_house(*office);
    op_log log("still");
    {
        kit::load load(site, *office, tenant, log, 8, 500ms);
        kit::await("the load goes on", [&] { return load.answered() > 200; });
        cluster.sigstop();
        kit::await("commands are answered although the server stands still",
                   [&] { return log.count(op_log::outcome::unknown) > 0 && log.count(op_log::outcome::refused) > 0; });
        const std::size_t before = load.answered();
        kit::await("and further commands too", [&] { return load.answered() > before + 8; });
        cluster.sigcont();
        const std::size_t done = log.count(op_log::outcome::done);
        kit::await("the writers heal", [&] { return log.count(op_log::outcome::done) > done + 200; });
    }
    check(log, site);
}

TEST_CASE("without a server commands are told so, and the first one after it is there succeeds")
{
    kit::cluster cluster;
    kit::site site(cluster);
    const auto office = site.open({}, 1s);
    const schema::uuid tenant = site.new_house(*office);
    cluster.stop_fast();
    // The first may find its connection gone in mid-append, and cannot know whether the server had it.
    CHECK(office->ask(kit::within(create(site, tenant), 5s)).unavailable);
    CHECK(kit::eventually(
        [&] { return told(office->ask(kit::within(create(site, tenant), 5s))) == "unavailable no"; }));
    cluster.start();
    CHECK(told(office->ask(create(site, tenant))) == "201");
}
