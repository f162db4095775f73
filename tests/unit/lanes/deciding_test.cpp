// Deciding in memory: what a view shows and remembers, If-Match before the decider, and a round's own earlier commands.
#include "commands/lanes/deciding.hpp"
#include "tests/kit/lanes/site.hpp"
#include "tests/kit/lanes/thing.hpp"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

namespace
{
const schema::uuid tenant = schema::uuid::v7(1, {1});
const schema::uuid some_thing = schema::uuid::v7(2, {2});

struct scene
{
    lanes::aggregate_cache cache{1 << 20};
    lanes::working_set set{cache};
    schema::uuid_source ids;

    scene()
    {
        set.put({&lanes::aggregate_of<house::state>(), tenant, tenant},
                {std::make_shared<const house::state>(house::state{{tenant}, 1}), {1, tenant}});
    }

    void given(thing::state now)
    {
        set.put(ref(), {std::make_shared<const thing::state>(now), {now.version, schema::uuid::v7(9, {9})}});
    }

    void nothing_there() { set.put(ref(), {}); }
    static lanes::stream_ref ref() { return {&lanes::aggregate_of<thing::state>(), tenant, some_thing}; }
};

lanes::entry entry_of(lanes::submission s)
{
    return lanes::entry{std::make_shared<lanes::pending>(std::move(s), [](lanes::answer) {})};
}

thing::state named(std::string name, std::int64_t version)
{
    thing::state now;
    now.version = version;
    now.name = std::move(name);
    return now;
}

std::string outcome(const lanes::entry& e)
{
    return *e.choice ? std::to_string((*e.choice)->facts.size()) + " facts" : e.choice->error().code;
}
}  // namespace

TEST_CASE("a stream that is not at hand reads as unborn and is noted as missing")
{
    scene s;
    auto e = entry_of(kit::command(tenant, thing::rename(tenant, some_thing, "b")));
    lanes::decide(e, s.set);
    REQUIRE(e.missing.size() == 1);
    CHECK(e.missing.front() == scene::ref());
    CHECK(e.looked.size() == 2);

    s.given(named("a", 3));
    lanes::decide(e, s.set);
    CHECK(e.missing.empty());
    CHECK(outcome(e) == "1 facts");
}

TEST_CASE("If-Match decides before the decider, but only about what is there")
{
    scene s;
    s.given(named("a", 3));
    auto e = entry_of(kit::if_match(kit::command(tenant, thing::rename(tenant, some_thing, "b")), some_thing, 2));
    lanes::decide(e, s.set);
    REQUIRE_FALSE(*e.choice);
    CHECK(e.choice->error().code == "version_mismatch");
    CHECK(e.choice->error().version == 3);

    auto right = entry_of(kit::if_match(kit::command(tenant, thing::rename(tenant, some_thing, "b")), some_thing, 3));
    lanes::decide(right, s.set);
    CHECK(outcome(right) == "1 facts");

    s.nothing_there();
    auto nowhere = entry_of(kit::if_match(kit::command(tenant, thing::rename(tenant, some_thing, "b")), some_thing, 3));
    lanes::decide(nowhere, s.set);
    CHECK(outcome(nowhere) == "not_found");

    auto create = entry_of(kit::if_match(kit::command(tenant, thing::make(tenant, {some_thing, "b"})), some_thing, 3));
    lanes::decide(create, s.set);
    CHECK(outcome(create) == "version_mismatch");
}

TEST_CASE("a later command of the round sees the earlier one's events")
{
    scene s;
    s.nothing_there();
    auto create = entry_of(kit::command(tenant, thing::make(tenant, {some_thing, "a"})));
    lanes::decide(create, s.set);
    lanes::place(create, s.set, s.ids, 1'000);
    CHECK(create.shown.at.version == 1);

    auto rename = entry_of(kit::command(tenant, thing::rename(tenant, some_thing, "b")));
    lanes::decide(rename, s.set);
    REQUIRE(*rename.choice);
    lanes::place(rename, s.set, s.ids, 1'000);
    CHECK(rename.facts.front().version == 2);
    CHECK(rename.looked.back().was.at.last_event_id == create.facts.front().event_id);
    CHECK_FALSE(lanes::still_stands(rename, s.set));

    auto again = entry_of(kit::command(tenant, thing::rename(tenant, some_thing, "b")));
    lanes::decide(again, s.set);
    CHECK(outcome(again) == "0 facts");
    CHECK(lanes::still_stands(again, s.set));
}

TEST_CASE("a decider that writes what it never looked at is broken off, and nothing has moved")
{
    scene s;
    s.given(named("a", 3));
    auto e = entry_of(kit::command(tenant, [](lanes::view&) -> lanes::decided {
        lanes::decision d;
        d.add<thing::event>({tenant, "thing", some_thing}, thing::closed{{some_thing}});
        return d;
    }));
    lanes::decide(e, s.set);
    CHECK_THROWS_AS(lanes::place(e, s.set, s.ids, 1'000), std::logic_error);
    CHECK(s.set.find(scene::ref())->at.version == 3);
}

TEST_CASE("nothing is decided on a stream that could not be read")
{
    scene s;
    s.set.put(scene::ref(), {nullptr, {}, true});
    auto e = entry_of(kit::command(tenant, thing::rename(tenant, some_thing, "b")));
    CHECK_THROWS_AS(lanes::decide(e, s.set), std::runtime_error);
}

TEST_CASE("what a decider stumbles over while something is missing does not count")
{
    scene s;
    auto e = entry_of(kit::command(tenant, [](lanes::view& sight) -> lanes::decided {
        if (sight.look<thing::state>(some_thing).version == 0)
            throw std::runtime_error("not there");
        return lanes::decision{};
    }));
    CHECK_NOTHROW(lanes::decide(e, s.set));
    CHECK(e.missing.size() == 1);
    s.given(named("a", 1));
    lanes::decide(e, s.set);
    CHECK(e.missing.empty());
}
