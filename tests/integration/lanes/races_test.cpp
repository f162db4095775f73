// Two processes' worth of writers, each with its own cache, on the same streams.
#include "tests/kit/lanes/site.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

namespace
{
using kit::command;
using kit::told;
using kit::with_key;

struct two_offices
{
    kit::site site;
    std::unique_ptr<kit::office> here = site.open();
    std::unique_ptr<kit::office> there = site.open();
    schema::uuid tenant;

    explicit two_offices(std::int64_t things_max = 0) : tenant(site.new_house(*here, things_max)) {}

    // The same number of commands through each, all at once; how many got which answer.
    template <class Make>
    std::map<std::string, int> race(int commands, Make make, std::vector<lanes::answer>* answers = nullptr)
    {
        std::vector<std::future<lanes::answer>> asked;
        for (int i = 0; i < commands; ++i)
            asked.push_back((i % 2 == 0 ? here : there)->send(make(i)));
        std::map<std::string, int> counted;
        for (auto& each : asked)
        {
            lanes::answer answer = each.get();
            ++counted[told(answer)];
            if (answers)
                answers->push_back(std::move(answer));
        }
        return counted;
    }

    schema::uuid new_thing(const std::string& name)
    {
        const schema::uuid id = site.new_id();
        REQUIRE(told(here->ask(command(tenant, thing::make(tenant, {id, name})))) == "201");
        return id;
    }
};
}  // namespace

TEST_CASE("of 64 writers at one version exactly one wins, and every other is told the version there is")
{
    two_offices o;
    for (int turn = 0; turn < 10; ++turn)
    {
        const schema::uuid id = o.new_thing("lamp");
        CHECK(told(o.there->ask(command(o.tenant, thing::rename(o.tenant, id, "lamp")))) == "200");  // both know it

        std::vector<lanes::answer> answers;
        const auto counted = o.race(
            64,
            [&](int i) {
                auto rename = command(o.tenant, thing::rename(o.tenant, id, "name " + std::to_string(i)));
                return kit::if_match(std::move(rename), id, 1);
            },
            &answers);
        CHECK(counted == std::map<std::string, int>{{"200", 1}, {"version_mismatch", 63}});
        for (const lanes::answer& each : answers)
            if (each.refused)
                CHECK(each.refused->version == 2);
    }
}

TEST_CASE("no answer rests on a cache that another process has overtaken")
{
    two_offices o;
    const schema::uuid id = o.new_thing("lamp");
    const auto rename = [&](const std::string& name) { return command(o.tenant, thing::rename(o.tenant, id, name)); };
    CHECK(told(o.there->ask(rename("there"))) == "200");  // `here` still holds version 1
    const auto lost_here = [&] { return o.here->dispatcher().take_figures().conflicts; };
    REQUIRE(lost_here() == 0);

    SUBCASE("what looks like no change is one")
    {
        const auto answer = o.here->ask(rename("lamp"));
        CHECK(told(answer) == "200");
        CHECK(answer.version == 3);
        CHECK(lost_here() == 1);  // it was decided on the cache first, and that decision was thrown away
    }
    SUBCASE("a mismatch names the version there is, and a match is a match")
    {
        const auto stale = o.here->ask(kit::if_match(rename("x"), id, 1));
        CHECK(told(stale) == "version_mismatch");
        CHECK(stale.refused->version == 2);
        CHECK(told(o.here->ask(kit::if_match(rename("x"), id, 2))) == "200");
        CHECK(lost_here() == 1);
    }
    SUBCASE("what looks unborn is there")
    {
        const schema::uuid next = o.site.new_id();
        CHECK(told(o.here->ask(command(o.tenant, thing::close(o.tenant, next)))) == "not_found");
        CHECK(told(o.there->ask(command(o.tenant, thing::make(o.tenant, {next, "x"})))) == "201");
        CHECK(told(o.here->ask(command(o.tenant, thing::close(o.tenant, next)))) == "200");
        CHECK(lost_here() == 0);  // that a stream is unborn is never remembered
    }
    SUBCASE("a house that was shut elsewhere is shut here, at once")
    {
        CHECK(told(o.there->ask(command(o.tenant, house::shut_down(o.tenant)))) == "200");
        CHECK(told(o.here->ask(rename("x"))) == "house.shut");
        CHECK(told(o.here->ask(command(o.tenant, thing::make(o.tenant, {o.site.new_id(), "x"})))) == "house.shut");
        CHECK(lost_here() == 1);
    }
}

TEST_CASE("a limit of 20 lets 20 in, whichever process they come through")
{
    two_offices o(20);
    const auto counted = o.race(64, [&](int i) {
        return command(o.tenant, thing::make(o.tenant, {o.site.new_id(), std::to_string(i)}));
    });
    CHECK(counted == std::map<std::string, int>{{"201", 20}, {"plan_limit_reached", 44}});

    const auto over = o.here->ask(command(o.tenant, thing::make(o.tenant, {o.site.new_id(), "one more"})));
    REQUIRE(told(over) == "plan_limit_reached");
    CHECK(over.refused->metric == "things");
    CHECK(over.refused->limit == 20);
    CHECK(over.refused->used == 20);
}

TEST_CASE("one idempotency key at once in both processes: one effect, one answer")
{
    two_offices o;
    for (int turn = 0; turn < 10; ++turn)
    {
        const schema::uuid id = o.site.new_id();
        std::vector<lanes::answer> answers;
        const auto counted = o.race(
            16,
            [&](int) {
                return with_key(command(o.tenant, thing::make(o.tenant, {id, "lamp"})), "k" + std::to_string(turn));
            },
            &answers);
        CHECK(counted == std::map<std::string, int>{{"201", 1}, {"201 replayed", 15}});
        for (const lanes::answer& each : answers)
            CHECK(each.item == answers.front().item);
    }
}

TEST_CASE("renames from both sides all arrive, or are told that they lost too many races")
{
    two_offices o;
    const schema::uuid id = o.new_thing("lamp");
    const auto counted =
        o.race(64, [&](int i) { return command(o.tenant, thing::rename(o.tenant, id, "name " + std::to_string(i))); });
    const int done = counted.contains("200") ? counted.at("200") : 0;
    const int lost = counted.contains("conflict") ? counted.at("conflict") : 0;
    CHECK(done + lost == 64);
    CHECK(o.site.db().run("select max(version) || ' ' || count(*) from es.event where stream_id = '" + id.text() +
                          "'") == std::to_string(done + 1) + ' ' + std::to_string(done + 1));
}
