// Full queues and passing deadlines, with a writer that is held up by a decider of the test.
#include "tests/kit/eventually.hpp"
#include "tests/kit/lanes/site.hpp"

#include <doctest/doctest.h>

#include <future>
#include <string>
#include <vector>

namespace
{
using namespace std::chrono_literals;
using kit::command;
using kit::told;

// While it lives, the only writer of its office sits in a decider.
class held_writer
{
public:
    held_writer(kit::office& office, const schema::uuid& tenant)
    {
        auto entered = std::make_shared<std::promise<void>>();
        auto inside = entered->get_future();
        auto gate = release_.get_future().share();
        auto once = std::make_shared<std::once_flag>();
        answer_ = office.send(command(tenant, [=](lanes::view&) -> lanes::decided {
            std::call_once(*once, [&] { entered->set_value(); });
            gate.wait();
            return lanes::decision{};
        }));
        inside.wait();
    }
    ~held_writer()
    {
        release_.set_value();
        answer_.wait();
    }

private:
    std::promise<void> release_;
    std::future<lanes::answer> answer_;
};

lanes::writer_config one_writer(std::size_t queue_commands_max = 8'192)
{
    lanes::writer_config config;
    config.writers = 1;
    config.queue_commands_max = queue_commands_max;
    return config;
}
}  // namespace

TEST_CASE("a full queue says busy at once, and nothing happened")
{
    kit::site site;
    const auto office = site.open(one_writer(4));
    const auto create = [&](const schema::uuid& tenant) {
        return command(tenant, thing::make(tenant, {site.new_id(), "x"}));
    };
    std::vector<schema::uuid> tenants;
    for (int i = 0; i < 5; ++i)
        tenants.push_back(site.new_house(*office));

    std::vector<std::future<lanes::answer>> asked;
    {
        const held_writer held(*office, tenants[0]);
        for (std::size_t i = 0; i < 4; ++i)
            asked.push_back(office->send(create(tenants[i])));
        CHECK(office->dispatcher().take_figures().waiting == 4);
        const auto refused = office->ask(create(tenants[4]));
        CHECK(told(refused) == "busy");
        CHECK(refused.was_applied == lanes::applied::no);
    }
    for (auto& each : asked)
        CHECK(told(each.get()) == "201");
    CHECK(site.db().run("select count(*) from es.event where category = 'thing'") == "4");
    CHECK(office->dispatcher().take_figures().busy == 1);
}

TEST_CASE("a tenant that floods is told busy while commands of another one are taken and done")
{
    kit::site site;
    const auto office = site.open(one_writer(8));
    const schema::uuid flooding = site.new_house(*office), calm = site.new_house(*office);
    const auto create = [&](const schema::uuid& tenant) {
        return command(tenant, thing::make(tenant, {site.new_id(), "x"}));
    };
    std::vector<std::future<lanes::answer>> of_flooding, of_calm;
    {
        const held_writer held(*office, flooding);
        for (int i = 0; i < 100; ++i)
            of_flooding.push_back(office->send(create(flooding)));
        CHECK(office->dispatcher().take_figures().waiting == 4);
        for (int i = 0; i < 2; ++i)
            of_calm.push_back(office->send(create(calm)));
        CHECK(told(office->ask(create(flooding))) == "busy");
    }
    for (std::size_t i = 0; i < of_flooding.size(); ++i)
        CHECK(told(of_flooding[i].get()) == (i < 4 ? "201" : "busy"));
    for (auto& each : of_calm)
        CHECK(told(each.get()) == "201");
    CHECK(site.db().run("select count(*) from es.event where category = 'thing'") == "6");
}

TEST_CASE("a deadline that passes in the queue means that nothing happened, and is told at once")
{
    kit::site site;
    const auto office = site.open(one_writer());
    const schema::uuid tenant = site.new_house(*office);
    const auto create = [&] { return command(tenant, thing::make(tenant, {site.new_id(), "x"})); };
    {
        const held_writer held(*office, tenant);
        auto patient = office->send(create());
        CHECK(told(office->ask(kit::within(create(), 30ms))) == "unavailable no");
        CHECK(patient.wait_for(0s) == std::future_status::timeout);
        CHECK(told(office->ask(kit::within(create(), -1s))) == "unavailable no");
    }
    // The two are nowhere; a command that follows them is not held up.
    CHECK(told(office->ask(create())) == "201");
    CHECK(site.db().run("select count(*) from es.event where category = 'thing'") == "2");
}

TEST_CASE("whoever closes a dispatcher has every command answered")
{
    kit::site site;
    auto office = site.open(one_writer());
    const schema::uuid tenant = site.new_house(*office);
    std::vector<std::future<lanes::answer>> asked;
    for (int i = 0; i < 200; ++i)
        asked.push_back(office->send(command(tenant, thing::make(tenant, {site.new_id(), "x"}))));
    office.reset();
    for (auto& each : asked)
        CHECK(told(each.get()) == "201");
}
