// Folds are total: any fact may follow any other, in any order, and an item is always made.
#include "events/api_key.hpp"
#include "events/client.hpp"
#include "events/comment.hpp"
#include "events/member.hpp"
#include "events/org.hpp"
#include "events/project.hpp"
#include "events/task.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

namespace
{
template <class Event, std::size_t... I>
std::vector<Event> one_of_each(std::index_sequence<I...>)
{
    return {Event{std::in_place_index<I>}...};
}

template <class Event>
std::vector<Event> one_of_each()
{
    return one_of_each<Event>(std::make_index_sequence<std::variant_size_v<Event>>{});
}

event_log::stamp at(std::int64_t version) { return {version, schema::moment{version * 1'000}, {}}; }

// Every sequence of three facts: the item has the version and time of the last one.
template <class Item, class Event>
void check_total()
{
    const auto facts = one_of_each<Event>();
    for (const Event& first : facts)
        for (const Event& second : facts)
            for (const Event& third : facts)
            {
                Item it;
                apply(it, first, at(1));
                apply(it, second, at(2));
                apply(it, third, at(3));
                CHECK(it.version == 3);
                CHECK(it.updated_at == schema::moment{3'000});
            }
}

struct fake_sealer final : schema::sealer
{
    schema::uuid subject;
    std::vector<std::string> sealed;
    void seal(const schema::uuid& whose, std::string_view pointer, std::string_view clear, std::string& out) override
    {
        subject = whose;
        out += R"({"$sealed": {"s": ")" + whose.text() + R"(", "k": 1, "n": "AAAA", "c": ")" +
               std::to_string(sealed.size()) + "\"}}";
        sealed.push_back(std::string(pointer) + ' ' + std::string(clear));
    }
};

struct fake_opener final : schema::opener
{
    const fake_sealer* from = nullptr;  // nothing: the subject is forgotten
    std::optional<std::string> open(const schema::sealed_value& value, std::string_view) override
    {
        if (!from)
            return std::nullopt;
        const auto& kept = from->sealed[static_cast<std::size_t>(std::stoi(std::string(value.ciphertext)))];
        return kept.substr(kept.find(' ') + 1);
    }
};

const client::client_id nasa{schema::uuid{{7}}};

client::changed new_email()
{
    client::changed fact;
    fact.id = nasa;
    fact.email = schema::personal<event_log::change<std::optional<std::string>>>{
        {std::string("old@nasa.test"), std::string("new@nasa.test")}, false};
    return fact;
}
}  // namespace

TEST_CASE("any fact may follow any other")
{
    check_total<org::item, org::event>();
    check_total<member::item, member::event>();
    check_total<api_key::item, api_key::event>();
    check_total<client::item, client::event>();
    check_total<project::item, project::event>();
    check_total<task::item, task::event>();
    check_total<comment::item, comment::event>();
}

TEST_CASE("a change is stored with its old and its new value, and without what stayed")
{
    project::changed fact;
    fact.id = project::project_id{schema::uuid{{9}}};
    fact.name = event_log::change<std::string>{"Gemini", "Apollo"};
    fact.due_on = event_log::change<std::optional<schema::day>>{std::nullopt, schema::day{0}};
    std::string json;
    schema::write_json(fact, json);
    CHECK(schema::canonical_json(json) == R"({"due_on":{"new":"1970-01-01","old":null},"id":")" + fact.id.text() +
                                              R"(","name":{"new":"Apollo","old":"Gemini"}})");
    CHECK(std::get<project::changed>(*schema::read_variant<project::event>("project.changed", json)) == fact);
}

TEST_CASE("the old and the new value of a personal member are sealed as one, for the one they speak of")
{
    fake_sealer sealer;
    std::string json;
    schema::write_json(new_email(), json, &sealer);
    CHECK(json.find("nasa.test") == std::string::npos);
    REQUIRE(sealer.sealed.size() == 1);
    CHECK(sealer.subject == nasa.value);
    CHECK(sealer.sealed[0] == R"(/email {"old":"old@nasa.test","new":"new@nasa.test"})");

    fake_opener opener;
    opener.from = &sealer;
    const auto read = schema::read_variant<client::event>("client.changed", json, &opener);
    REQUIRE(read);
    CHECK(std::get<client::changed>(*read) == new_email());
}

TEST_CASE("once a client is forgotten, its personal members read as null and the rest stays")
{
    fake_sealer sealer;
    client::created born;
    born.id = nasa;
    born.name = "Nasa";
    born.email = schema::personal<std::string>{"old@nasa.test", false};
    std::string first, second;
    schema::write_json(born, first, &sealer);
    schema::write_json(new_email(), second, &sealer);

    fake_opener forgetful;
    client::item it;
    apply(it, *schema::read_variant<client::event>("client.created", first, &forgetful), at(1));
    CHECK(it.name == "Nasa");
    CHECK(!it.email);
    apply(it, *schema::read_variant<client::event>("client.changed", second, &forgetful), at(2));
    CHECK(!it.email);
    CHECK(it.version == 2);
}

TEST_CASE("a forgotten member keeps role and type")
{
    fake_sealer sealer;
    member::added born;
    born.id = member::member_id{schema::uuid{{8}}};
    born.email.value = "ann@acme.test";
    born.name.value = "Ann";
    born.role = member::role::owner;
    std::string json;
    schema::write_json(born, json, &sealer);
    CHECK(json.find("Ann") == std::string::npos);
    CHECK(json.find("acme") == std::string::npos);

    fake_opener forgetful;
    member::item it;
    apply(it, *schema::read_variant<member::event>("member.added", json, &forgetful), at(1));
    CHECK(!it.email);
    CHECK(!it.name);
    CHECK(it.role == member::role::owner);
}

TEST_CASE("an item is written with every member, null when unset")
{
    project::item it;
    it.id = project::project_id{schema::uuid{{9}}};
    it.version = 1;
    it.name = "Gemini";
    std::string json;
    schema::write_json(it, json);
    CHECK(json ==
          R"({"id":")" + it.id.text() +
              R"(","version":1,"created_at":"1970-01-01T00:00:00.000000Z","updated_at":"1970-01-01T00:00:00.000000Z",)"
              R"("archived_at":null,"name":"Gemini","client_id":null,"description":null,"status":"planned",)"
              R"("budget":null,"starts_on":null,"due_on":null,"member_ids":[]})");
}
