// Batches: commands that ride together, in their order; the atomic ones all or none.
#include "tests/kit/lanes/site.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace
{
using kit::command;
using kit::told;
using kit::with_key;
using words = std::vector<std::string>;

struct stage
{
    kit::site site;
    std::unique_ptr<kit::office> office = site.open();
    schema::uuid tenant;

    explicit stage(std::int64_t things_max = 0) : tenant(site.new_house(*office, things_max)) {}

    lanes::submission make(const schema::uuid& id, const std::string& name, bool is_named_once = false) const
    {
        return command(tenant, thing::make(tenant, {id, name, "", is_named_once}));
    }
    lanes::submission rename(const schema::uuid& id, const std::string& name) const
    {
        return command(tenant, thing::rename(tenant, id, name));
    }
    lanes::submission close(const schema::uuid& id) const { return command(tenant, thing::close(tenant, id)); }

    template <class... Commands>
    static lanes::batch together(Commands... commands)
    {
        lanes::batch made{true, {}};
        (made.commands.push_back(std::move(commands)), ...);
        return made;
    }
    template <class... Commands>
    static lanes::batch in_order(Commands... commands)
    {
        auto made = together(std::move(commands)...);
        made.atomic = false;
        return made;
    }

    std::string events_of(const schema::uuid& id) const
    {
        return site.db().run("select coalesce(string_agg(type, ' ' order by version), '') from es.event "
                             "where stream_id = '" +
                             id.text() + "'");
    }
    std::string rows(const char* table) const
    {
        return site.db().run(std::string{"select count(*) from es."} + table + " where tenant_id = '" + tenant.text() +
                             "'");
    }
};
}  // namespace

TEST_CASE("an atomic batch is one append, in which later commands see the earlier ones")
{
    stage s;
    const auto id = s.site.new_id();
    const auto other = s.site.new_id();
    const auto rounds = s.site.db().run("select count(*) from es.round");
    const auto said = s.office->ask(stage::together(s.make(id, "lamp"), s.rename(id, "light"), s.make(other, "lamp"),
                                                    s.rename(id, "light"), s.close(id)));
    CHECK(told(said) == words{"201", "200", "201", "200", "200"});
    CHECK(said[0].item.find("\"name\":\"lamp\"") != std::string::npos);
    CHECK(said[1].version == 2);
    CHECK(said[3].version == 2);  // it changed nothing
    CHECK(said[4].version == 3);
    CHECK(s.events_of(id) == "thing.created thing.renamed thing.closed");
    CHECK(std::stoi(s.site.db().run("select count(*) from es.round")) == std::stoi(rounds) + 1);
    CHECK(told(s.office->ask(s.rename(id, "x"))) == "thing.closed");  // also from what was kept of it
    CHECK(told(s.office->ask(s.rename(other, "x"))) == "200");
}

TEST_CASE("what the decider refuses takes the whole atomic batch with it, whichever stands first")
{
    stage s;
    const auto there = s.site.new_id();
    REQUIRE(told(s.office->ask(s.make(there, "there"))) == "201");
    const auto fresh = s.site.new_id();
    const auto absent = s.site.new_id();
    const auto events = s.rows("event");

    const auto late = s.office->ask(
        stage::together(s.make(fresh, "a"), s.rename(there, "b"), s.rename(absent, "c"), s.make(s.site.new_id(), "d")));
    CHECK(told(late) == words{"batch_refused", "batch_refused", "not_found", "batch_refused"});
    for (const auto& each : late)
        CHECK(each.was_applied == lanes::applied::no);
    const auto early = s.office->ask(stage::together(s.rename(absent, "c"), s.make(fresh, "a")));
    CHECK(told(early) == words{"not_found", "batch_refused"});
    CHECK(s.rows("event") == events);

    // Nothing of it stayed in memory either.
    CHECK(told(s.office->ask(s.rename(fresh, "x"))) == "not_found");
    const auto now = s.office->ask(kit::if_match(s.rename(there, "y"), there, 1));
    CHECK(told(now) == "200");
    CHECK(now.version == 2);
}

TEST_CASE("a refusal that the decider did not foresee takes the whole atomic batch, too")
{
    stage s;
    REQUIRE(told(s.office->ask(s.make(s.site.new_id(), "taken", true))) == "201");
    const auto first = s.site.new_id();
    const auto events = s.rows("event");
    const auto claims = s.rows("claim");
    const auto said = s.office->ask(stage::together(s.make(first, "free", true), s.rename(first, "renamed"),
                                                    s.make(s.site.new_id(), "taken", true)));
    CHECK(told(said) == words{"batch_refused", "batch_refused", "already_exists"});
    CHECK(s.rows("event") == events);
    CHECK(s.rows("claim") == claims);
    CHECK(told(s.office->ask(s.rename(first, "x"))) == "not_found");
    CHECK(told(s.office->ask(s.make(s.site.new_id(), "free", true))) == "201");
}

TEST_CASE("a limit counts an atomic batch as a whole")
{
    stage s(3);
    REQUIRE(told(s.office->ask(s.make(s.site.new_id(), "one"))) == "201");
    const auto make = [&] { return s.make(s.site.new_id(), "more"); };
    CHECK(told(s.office->ask(stage::together(make(), make(), make()))) ==
          words{"batch_refused", "batch_refused", "plan_limit_reached"});
    CHECK(told(s.office->ask(stage::together(make(), make()))) == words{"201", "201"});
    CHECK(told(s.office->ask(make())) == "plan_limit_reached");
}

TEST_CASE("without atomic each command stands for itself, and keeps its place")
{
    stage s;
    const auto id = s.site.new_id();
    const auto absent = s.site.new_id();
    const auto said = s.office->ask(stage::in_order(s.make(id, "lamp"), s.rename(absent, "x"), s.rename(id, "light"),
                                                    kit::if_match(s.rename(id, "y"), id, 1), s.close(id)));
    CHECK(told(said) == words{"201", "not_found", "200", "version_mismatch", "200"});
    CHECK(s.events_of(id) == "thing.created thing.renamed thing.closed");
}

TEST_CASE("each command of a batch has its own idempotency key")
{
    stage s;
    const auto id = s.site.new_id();
    bool atomic = false;
    SUBCASE("alone") {}
    SUBCASE("with the others") { atomic = true; }
    const auto batch = [&] {
        auto made = stage::together(with_key(s.make(id, "lamp"), "a"), with_key(s.rename(id, "light"), "b"),
                                    with_key(kit::if_match(s.close(id), id, 2), "c"));
        made.atomic = atomic;
        return made;
    };
    CHECK(told(s.office->ask(batch())) == words{"201", "200", "200"});
    const words again{"201 replayed", "200 replayed", "200 replayed"};
    CHECK(told(s.office->ask(batch())) == again);
    CHECK(told(s.site.open()->ask(batch())) == again);
    CHECK(told(s.office->ask(with_key(s.make(id, "lamp"), "a"))) == "201 replayed");  // as of a request of its own
    CHECK(s.events_of(id) == "thing.created thing.renamed thing.closed");

    // A key used before for something else refuses its command, and in an atomic batch all that were not done before.
    auto mixed = stage::together(with_key(s.make(id, "lamp"), "a"), with_key(s.make(s.site.new_id(), "x"), "d"),
                                 with_key(s.make(s.site.new_id(), "y"), "b", "another body"));
    mixed.atomic = atomic;
    CHECK(told(s.office->ask(std::move(mixed))) ==
          words{"201 replayed", atomic ? "batch_refused" : "201", "idempotency_key_reused"});
    CHECK(told(s.office->ask(with_key(s.make(s.site.new_id(), "x"), "d"))) ==
          std::string(atomic ? "201" : "201 replayed"));
}

TEST_CASE("an idempotency key that a neighbour of the round has, too, is replayed or waited for")
{
    stage s;
    for (int turn = 0; turn < 20; ++turn)
    {
        const auto id = s.site.new_id();
        const auto key = "k" + std::to_string(turn);
        std::vector<std::future<lanes::answer>> singles;
        std::vector<std::future<std::vector<lanes::answer>>> batches;
        for (int i = 0; i < 4; ++i)
        {
            singles.push_back(s.office->send(with_key(s.make(id, "lamp"), key)));
            batches.push_back(
                s.office->send(stage::together(s.make(s.site.new_id(), "before"), with_key(s.make(id, "lamp"), key))));
        }
        int born = 0;
        for (auto& each : singles)
            born += told(each.get()) == "201" ? 1 : 0;
        for (auto& each : batches)
        {
            const auto said = told(each.get());
            CHECK(said.front() == "201");
            CHECK((said.back() == "201" || said.back() == "201 replayed"));
            born += said.back() == "201" ? 1 : 0;
        }
        CHECK(born == 1);
        CHECK(s.events_of(id) == "thing.created");
    }
}

TEST_CASE("a batch that rests on what another process changed is decided anew, as a whole")
{
    stage s;
    const auto elsewhere = s.site.open();
    const auto known = s.site.new_id();
    REQUIRE(told(s.office->ask(s.make(known, "a"))) == "201");
    REQUIRE(told(elsewhere->ask(s.rename(known, "b"))) == "200");
    const auto fresh = s.site.new_id();
    const auto said = s.office->ask(stage::together(s.make(fresh, "x"), s.rename(known, "c"), s.rename(fresh, "y")));
    CHECK(told(said) == words{"201", "200", "200"});
    CHECK(said[1].version == 3);
    CHECK(s.events_of(fresh) == "thing.created thing.renamed");

    // The first sight of it would have been a refusal; it is no truth any more.
    REQUIRE(told(elsewhere->ask(s.rename(known, "d"))) == "200");
    CHECK(told(s.office->ask(stage::together(s.rename(fresh, "z"), kit::if_match(s.rename(known, "e"), known, 4)))) ==
          words{"200", "200"});
    REQUIRE(told(elsewhere->ask(s.rename(known, "f"))) == "200");
    const auto refused =
        s.office->ask(stage::together(s.rename(fresh, "never"), kit::if_match(s.rename(known, "g"), known, 5)));
    CHECK(told(refused) == words{"batch_refused", "version_mismatch"});
    CHECK(refused[1].refused->version == 6);
}

TEST_CASE("refused batches cost neighbours nothing, of their own tenant and of others")
{
    stage s;
    const auto neighbour = s.site.new_house(*s.office);
    REQUIRE(told(s.office->ask(s.make(s.site.new_id(), "taken", true))) == "201");
    std::vector<std::future<lanes::answer>> good;
    std::vector<std::future<std::vector<lanes::answer>>> bad;
    for (int i = 0; i < 40; ++i)
    {
        const auto id = s.site.new_id();
        good.push_back(s.office->send(s.make(s.site.new_id(), "x")));
        bad.push_back(s.office->send(stage::together(
            s.make(id, "half"), i % 2 == 0 ? s.make(s.site.new_id(), "taken", true) : s.rename(s.site.new_id(), "y"))));
        good.push_back(s.office->send(command(neighbour, thing::make(neighbour, {s.site.new_id(), "z"}))));
    }
    for (auto& each : good)
        CHECK(told(each.get()) == "201");
    for (std::size_t i = 0; i < bad.size(); ++i)
        CHECK(told(bad[i].get()) == words{"batch_refused", i % 2 == 0 ? "already_exists" : "not_found"});
    CHECK(s.site.db().run("select count(*) from es.event where data::text like '%half%'") == "0");
}

TEST_CASE("a decider that throws in an atomic batch ends the batch, and nobody else")
{
    stage s;
    const auto slip = [&] {
        return command(s.tenant, [](lanes::view&) -> lanes::decided { throw std::runtime_error("a slip"); });
    };
    const auto id = s.site.new_id();
    auto neighbour = s.office->send(s.make(s.site.new_id(), "x"));
    CHECK(told(s.office->ask(stage::together(s.make(id, "a"), slip()))) == words{"batch_refused", "broken"});
    CHECK(told(s.office->ask(stage::in_order(s.make(id, "a"), slip(), s.rename(id, "b")))) ==
          words{"201", "broken", "200"});
    CHECK(told(neighbour.get()) == "201");
}

TEST_CASE("a batch of which something cannot be stored: that command alone, or the atomic batch as a whole")
{
    stage s;
    const auto unstorable = [&](const schema::uuid& id) {
        auto made = with_key(s.make(id, "x"), id.text());
        made.remember->principal = "\xff";  // no UTF-8
        return made;
    };
    const auto first = s.site.new_id();
    const auto last = s.site.new_id();
    auto neighbour = s.office->send(s.make(s.site.new_id(), "y"));
    const auto apart =
        s.office->ask(stage::in_order(s.make(first, "x"), unstorable(s.site.new_id()), s.make(last, "z")));
    CHECK(told(neighbour.get()) == "201");
    CHECK(told(apart) == words{"201", "broken", "201"});
    CHECK(s.events_of(last) == "thing.created");

    const auto whole = s.site.new_id();
    neighbour = s.office->send(s.make(s.site.new_id(), "y"));
    const auto together = s.office->ask(stage::together(s.make(whole, "x"), unstorable(s.site.new_id())));
    CHECK(told(neighbour.get()) == "201");
    CHECK(told(together) == words{"broken", "broken"});
    CHECK(s.events_of(whole).empty());
}

TEST_CASE("batches in number, of two processes on the same things: each is whole or absent")
{
    stage s;
    const auto there = s.site.open();
    const auto shared = s.site.new_id();
    REQUIRE(told(s.office->ask(s.make(shared, "0"))) == "201");
    std::vector<std::pair<schema::uuid, std::future<std::vector<lanes::answer>>>> asked;
    for (int i = 0; i < 60; ++i)
    {
        const auto id = s.site.new_id();
        auto batch = stage::together(s.make(id, "a"), s.rename(shared, "n" + std::to_string(i)), s.rename(id, "b"));
        asked.emplace_back(id, (i % 2 == 0 ? s.office : there)->send(std::move(batch)));
    }
    int done = 0;
    for (auto& [id, answer] : asked)
    {
        const auto said = told(answer.get());
        if (said == words{"201", "200", "200"})
        {
            ++done;
            CHECK(s.events_of(id) == "thing.created thing.renamed");
            continue;
        }
        CHECK(std::count(said.begin(), said.end(), "conflict") == 1);
        CHECK(s.events_of(id).empty());
    }
    CHECK(done > 0);
    CHECK(s.site.db().run("select max(version) from es.event where stream_id = '" + shared.text() + "'") ==
          std::to_string(done + 1));
}

TEST_CASE("a batch of the largest size is one round, and beside it the writer takes others")
{
    stage s;
    lanes::batch large{true, {}};
    std::vector<schema::uuid> ids;
    for (int i = 0; i < 50; ++i)
    {
        ids.push_back(s.site.new_id());
        large.commands.push_back(s.make(ids.back(), "a"));
        large.commands.push_back(s.rename(ids.back(), "b"));
    }
    std::vector<std::future<lanes::answer>> others;
    for (int i = 0; i < 500; ++i)
        others.push_back(s.office->send(s.make(s.site.new_id(), "x")));
    const auto said = told(s.office->ask(std::move(large)));
    CHECK(std::count(said.begin(), said.end(), "201") == 50);
    CHECK(std::count(said.begin(), said.end(), "200") == 50);
    for (auto& each : others)
        CHECK(told(each.get()) == "201");
    // One transaction gave all of them one time.
    CHECK(s.site.db().run("select count(distinct recorded_at) from es.event where data::text like '%\"name\":\"a\"%' "
                          "and type = 'thing.created'") == "1");
}
