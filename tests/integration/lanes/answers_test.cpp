// What commands are answered: on a real store, through one or two processes' worth of writers.
#include "tests/kit/lanes/site.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace
{
using kit::command;
using kit::told;
using kit::with_key;

struct stage
{
    kit::site site;
    std::unique_ptr<kit::office> office = site.open();
    schema::uuid tenant = site.new_house(*office);

    schema::uuid new_thing(const std::string& name)
    {
        const schema::uuid id = site.new_id();
        REQUIRE(told(office->ask(command(tenant, thing::make(tenant, {id, name})))) == "201");
        return id;
    }

    std::string events_of(const schema::uuid& id) const
    {
        return site.db().run("select coalesce(string_agg(type, ' ' order by version), '') from es.event "
                             "where stream_id = '" +
                             id.text() + "'");
    }
};
}  // namespace

TEST_CASE("a create is answered with the item as just decided, once it is in the log")
{
    stage s;
    const schema::uuid id = s.site.new_id();
    s.office->woken();
    const auto made = s.office->ask(command(s.tenant, thing::make(s.tenant, {id, "lamp"})));
    CHECK(told(made) == "201");
    CHECK(made.was_applied == lanes::applied::yes);
    CHECK(made.version == 1);
    CHECK(made.item == "{\"id\":\"" + thing::thing_id{id}.text() +
                           "\",\"version\":1,\"name\":\"lamp\",\"email\":null,\"closed\":false}");
    CHECK(s.events_of(id) == "thing.created");
    CHECK(s.site.db().run("select lane || ' ' || seq from es.event where stream_id = '" + id.text() + "'") ==
          std::to_string(made.at.lane) + ' ' + std::to_string(made.at.seq));
    CHECK(s.office->woken() == std::vector<std::int32_t>{made.at.lane});
}

TEST_CASE("again changes nothing, and is agreed to")
{
    stage s;
    const schema::uuid id = s.new_thing("lamp");
    CHECK(told(s.office->ask(command(s.tenant, thing::rename(s.tenant, id, "light")))) == "200");
    const auto again = s.office->ask(command(s.tenant, thing::rename(s.tenant, id, "light")));
    CHECK(told(again) == "200");
    CHECK(again.version == 2);
    CHECK(told(s.office->ask(command(s.tenant, thing::make(s.tenant, {id, "light"})))) == "200 replayed");
    CHECK(s.events_of(id) == "thing.created thing.renamed");
}

TEST_CASE("what the decider refuses is refused, and leaves no trace")
{
    stage s;
    const schema::uuid id = s.new_thing("lamp");
    CHECK(told(s.office->ask(command(s.tenant, thing::close(s.tenant, id)))) == "200");
    CHECK(told(s.office->ask(command(s.tenant, thing::rename(s.tenant, id, "x")))) == "thing.closed");
    CHECK(told(s.office->ask(command(s.tenant, thing::make(s.tenant, {id, "other"})))) == "already_exists");
    CHECK(told(s.office->ask(command(s.tenant, thing::close(s.tenant, s.site.new_id())))) == "not_found");
    CHECK(s.events_of(id) == "thing.created thing.closed");
}

TEST_CASE("If-Match names the version there is")
{
    stage s;
    const schema::uuid id = s.new_thing("lamp");
    const auto rename = [&](const std::string& name) { return command(s.tenant, thing::rename(s.tenant, id, name)); };
    CHECK(told(s.office->ask(kit::if_match(rename("a"), id, 1))) == "200");
    const auto late = s.office->ask(kit::if_match(rename("b"), id, 1));
    CHECK(told(late) == "version_mismatch");
    CHECK(late.refused->version == 2);
}

TEST_CASE("a tenant nobody has heard of has nothing")
{
    stage s;
    const schema::uuid nobody = s.site.new_id();
    CHECK(told(s.office->ask(command(nobody, thing::make(nobody, {s.site.new_id(), "x"})))) == "not_found");
    CHECK_FALSE(s.office->dispatcher().lane_of(nobody));
    CHECK(s.office->dispatcher().lane_of(s.tenant));
}

TEST_CASE("a tenant is born once, whoever asks")
{
    stage s;
    const auto other = s.site.open();
    const schema::uuid tenant = s.site.new_id();
    std::vector<std::future<lanes::answer>> asked;
    for (int i = 0; i < 4; ++i)
    {
        asked.push_back(s.office->send(kit::birth(tenant)));
        asked.push_back(other->send(kit::birth(tenant)));
    }
    int born = 0;
    for (auto& each : asked)
    {
        const std::string answer = told(each.get());
        born += answer == "201" ? 1 : 0;
        CHECK((answer == "201" || answer == "already_exists"));
    }
    CHECK(born == 1);
    // Both processes hold the key that counts: what one seals, the other opens.
    const schema::uuid id = s.site.new_id();
    CHECK(told(other->ask(command(tenant, thing::make(tenant, {id, "x", "a@example.com"})))) == "201");
    const auto shown = s.office->ask(command(tenant, thing::close(tenant, id)));
    CHECK(shown.item.find("a@example.com") != std::string::npos);
}

TEST_CASE("an idempotency key: the same request is answered again, another is refused")
{
    stage s;
    const schema::uuid id = s.site.new_id();
    const auto create = [&] { return with_key(command(s.tenant, thing::make(s.tenant, {id, "lamp"})), "k-1"); };
    const auto first = s.office->ask(create());
    CHECK(told(first) == "201");
    CHECK(told(s.office->ask(command(s.tenant, thing::rename(s.tenant, id, "light")))) == "200");

    SUBCASE("from the same process")
    {
        const auto again = s.office->ask(create());
        CHECK(told(again) == "201 replayed");
        CHECK(again.item == first.item);  // as it was, not as it is now
        CHECK(again.version == 1);
    }
    SUBCASE("from another process")
    {
        const auto again = s.site.open()->ask(create());
        CHECK(told(again) == "201 replayed");
        CHECK(again.item == first.item);
    }
    SUBCASE("with another body")
    {
        const auto other = with_key(command(s.tenant, thing::make(s.tenant, {s.site.new_id(), "x"})), "k-1", "else");
        CHECK(told(s.office->ask(other)) == "idempotency_key_reused");
    }
    CHECK(s.events_of(id) == "thing.created thing.renamed");
}

TEST_CASE("a receipt speaks before If-Match and before the decider")
{
    stage s;
    const schema::uuid id = s.new_thing("lamp");
    const auto rename = [&] {
        return with_key(kit::if_match(command(s.tenant, thing::rename(s.tenant, id, "a")), id, 1), "k-2");
    };
    CHECK(told(s.office->ask(rename())) == "200");
    CHECK(told(s.office->ask(rename())) == "200 replayed");
    CHECK(told(s.office->ask(command(s.tenant, house::shut_down(s.tenant)))) == "200");
    CHECK(told(s.office->ask(rename())) == "200 replayed");
}

TEST_CASE("an answer that changed nothing is remembered, a refusal is not")
{
    stage s;
    const schema::uuid id = s.new_thing("lamp");
    const auto same = [&] { return with_key(command(s.tenant, thing::rename(s.tenant, id, "lamp")), "k-3"); };
    CHECK(told(s.office->ask(same())) == "200");
    CHECK(told(s.office->ask(command(s.tenant, thing::rename(s.tenant, id, "other")))) == "200");
    CHECK(told(s.office->ask(same())) == "200 replayed");

    const schema::uuid later = s.site.new_id();
    const auto close = [&] { return with_key(command(s.tenant, thing::close(s.tenant, later)), "k-4"); };
    CHECK(told(s.office->ask(close())) == "not_found");
    CHECK(told(s.office->ask(command(s.tenant, thing::make(s.tenant, {later, "x"})))) == "201");
    CHECK(told(s.office->ask(close())) == "200");
}

TEST_CASE("a claimed value belongs to one, however it is spelt")
{
    stage s;
    const auto named = [&](const std::string& name) {
        return command(s.tenant, thing::make(s.tenant, {s.site.new_id(), name, "", true}));
    };
    CHECK(told(s.office->ask(named("Straße"))) == "201");
    CHECK(told(s.office->ask(named(" STRASSE "))) == "already_exists");
    CHECK(told(s.office->ask(named("Weg"))) == "201");
}

TEST_CASE("commands of one round build on each other, and fall with what they built on")
{
    stage s;
    CHECK(told(s.office->ask(command(s.tenant, thing::make(s.tenant, {s.site.new_id(), "taken", "", true})))) == "201");
    const schema::uuid good = s.site.new_id();
    const schema::uuid bad = s.site.new_id();
    std::vector<std::future<lanes::answer>> asked;
    asked.push_back(s.office->send(command(s.tenant, thing::make(s.tenant, {good, "lamp"}))));
    asked.push_back(s.office->send(command(s.tenant, thing::make(s.tenant, {bad, "taken", "", true}))));
    for (const auto& id : {good, bad})
        for (const char* name : {"one", "two"})
            asked.push_back(s.office->send(command(s.tenant, thing::rename(s.tenant, id, name))));
    std::vector<std::string> answers;
    for (auto& each : asked)
        answers.push_back(told(each.get()));
    CHECK(answers == std::vector<std::string>{"201", "already_exists", "200", "200", "not_found", "not_found"});
    CHECK(s.events_of(good) == "thing.created thing.renamed thing.renamed");
    CHECK(s.events_of(bad).empty());
}

TEST_CASE("a command that cannot be stored harms none of its neighbours")
{
    stage s;
    const auto cold = s.site.open();  // has to load before it decides; the other need not
    for (kit::office* office : {s.office.get(), cold.get()})
    {
        std::vector<std::future<lanes::answer>> asked;
        for (int i = 0; i < 10; ++i)
        {
            auto each = command(s.tenant, thing::make(s.tenant, {s.site.new_id(), "x"}));
            each = with_key(std::move(each), i == 5 ? std::string("a\0b", 3) : s.site.new_id().text());
            asked.push_back(office->send(std::move(each)));
        }
        for (int i = 0; i < 10; ++i)
        {
            const std::string answer = told(asked[static_cast<std::size_t>(i)].get());
            CHECK(answer == std::string(i == 5 ? "broken" : "201"));
        }
    }
}

TEST_CASE("a decider that throws is a fault of ours, and of nobody else")
{
    stage s;
    auto good = s.office->send(command(s.tenant, thing::make(s.tenant, {s.site.new_id(), "x"})));
    const auto bad = s.office->ask(
        command(s.tenant, [](lanes::view&) -> lanes::decided { throw std::runtime_error("a slip of the pen"); }));
    CHECK(told(bad) == "broken");
    CHECK(told(good.get()) == "201");
    CHECK(s.office->dispatcher().take_figures().last_fault == "a slip of the pen");
}

TEST_CASE("figures tell what the writers did")
{
    stage s;
    s.new_thing("lamp");
    const auto figures = s.office->dispatcher().take_figures();
    CHECK(figures.commands == 2);
    CHECK(figures.events == 2);
    CHECK(figures.append_seconds.size() == 2);
    CHECK(figures.waiting == 0);
    CHECK(s.office->dispatcher().take_figures().append_seconds.empty());
}
