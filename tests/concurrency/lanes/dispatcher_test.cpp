// Many threads submit to one dispatcher while others ask for its figures: for the thread sanitizer.
#include "tests/kit/lanes/site.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace
{
using namespace std::chrono_literals;
using kit::command;
using kit::told;
}  // namespace

TEST_CASE("sixteen threads submit, two watch, and every command is answered once")
{
    kit::site site;
    lanes::writer_config config;
    config.writers = 3;
    config.queue_commands_max = 64;
    auto office = site.open(config);
    std::vector<schema::uuid> tenants;
    for (int i = 0; i < 5; ++i)
        tenants.push_back(site.new_house(*office));

    std::atomic<int> answered{0}, made{0}, busy{0};
    std::atomic<bool> over{false};
    const auto count = [&](const lanes::answer& answer) {
        made += told(answer) == "201" ? 1 : 0;
        busy += told(answer) == "busy" ? 1 : 0;
        ++answered;
    };
    std::vector<std::thread> threads;
    for (int t = 0; t < 16; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 100; ++i)
            {
                const schema::uuid& tenant = tenants[static_cast<std::size_t>(t + i) % tenants.size()];
                const std::string key = std::to_string(t) + '-' + std::to_string(i / 2);
                auto create = command(tenant, thing::make(tenant, {site.new_id(), "x", "a@example.com"}));
                create = kit::within(std::move(create), i % 25 == 24 ? 0ms : 30'000ms);
                office->dispatcher().submit(kit::with_key(std::move(create), key), count);
            }
        });
    for (int t = 0; t < 2; ++t)
        threads.emplace_back([&] {
            while (!over)
            {
                office->dispatcher().take_figures();
                office->dispatcher().lane_of(site.new_id());
            }
        });
    for (std::size_t t = 0; t < 16; ++t)
        threads[t].join();
    over = true;
    threads[16].join();
    threads[17].join();
    office.reset();
    CHECK(answered == 1'600);
    CHECK(made > 0);
    CHECK(site.db().run("select count(*) from es.event where category = 'thing'") == std::to_string(made));
}
