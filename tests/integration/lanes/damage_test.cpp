// Damage in the store: what needs the damaged thing fails, and its neighbours of the same round go on.
#include "commands/lanes/tenant_directory.hpp"
#include "tests/kit/lanes/site.hpp"

#include <doctest/doctest.h>

#include <future>
#include <string>
#include <vector>

namespace
{
using kit::command;
using kit::told;
using schema::uuid;

const std::string email = "someone@example.com";

struct given_a_house
{
    kit::site site;
    std::unique_ptr<kit::office> first = site.open();
    uuid tenant = site.new_house(*first);

    uuid make(const std::string& with_email = "")
    {
        const uuid id = site.new_id();
        CHECK(told(first->ask(command(tenant, thing::make(tenant, {id, "lamp", with_email})))) == "201");
        return id;
    }

    void bend(const std::string& sql) const
    {
        site.db().run("set session_replication_role = replica;"
                      "alter table es.event disable trigger event_is_immutable; " +
                      sql + "; alter table es.event enable always trigger event_is_immutable");
    }

    // What a new process answers to renaming all of them at once, so that they share rounds.
    std::vector<std::string> renamed(const std::vector<uuid>& things)
    {
        const auto office = site.open();
        std::vector<std::future<lanes::answer>> asked;
        for (const uuid& id : things)
            asked.push_back(office->send(command(tenant, thing::rename(tenant, id, "light"))));
        std::vector<std::string> out;
        for (auto& each : asked)
            out.push_back(told(each.get()));
        return out;
    }
};

using answers = std::vector<std::string>;
}  // namespace

TEST_CASE_FIXTURE(given_a_house, "a subject whose key is damaged fails the commands on what it sealed, and no others")
{
    const std::vector<uuid> things{make(email), make(email), make(), make(email)};
    bend("update es.subject_key set wrapped = set_byte(wrapped, 20, get_byte(wrapped, 20) # 1) where subject_id = '" +
         things[1].text() + "'");
    CHECK(renamed(things) == answers{"200", "broken", "200", "200"});
}

TEST_CASE_FIXTURE(given_a_house, "a sender whose key is damaged cannot write, and costs the others of a round nothing")
{
    const uuid member = site.new_id();
    const auto sent = [&](const uuid& id, const std::optional<uuid>& by) {
        auto made = command(tenant, thing::rename(tenant, id, site.new_id().text()));
        made.meta.ip = "203.0.113.7";
        made.from.member = by;
        return made;
    };
    const uuid a = make(), b = make();
    CHECK(told(first->ask(sent(a, member))) == "200");
    bend("update es.subject_key set wrapped = set_byte(wrapped, 20, get_byte(wrapped, 20) # 1) where subject_id = '" +
         member.text() + "'");

    const auto office = site.open();
    for (int i = 0; i < 3; ++i)
    {
        auto theirs = office->send(sent(a, member)), ours = office->send(sent(b, site.new_id()));
        CHECK(told(theirs.get()) == "broken");
        CHECK(told(ours.get()) == "200");
    }
}

TEST_CASE_FIXTURE(given_a_house, "an event that cannot be lifted, or is newer than this build, fails its own stream")
{
    const std::vector<uuid> things{make(), make(), make(), make()};
    const auto spoil = [&](const uuid& id, const std::string& change) {
        bend("update es.event set " + change + " where stream_id = '" + id.text() + "'");
    };
    spoil(things[0], "type = 'task.created', schema_version = 1, data = '[1]'");
    spoil(things[2], "type = 'project.created', schema_version = 99");
    CHECK(renamed(things) == answers{"broken", "200", "broken", "200"});
}

TEST_CASE_FIXTURE(given_a_house, "a stream that lacks a version fails alone")
{
    const std::vector<uuid> things{make(), make()};
    bend("update es.event set version = 2 where stream_id = '" + things[0].text() + "'");
    CHECK(renamed(things) == answers{"broken", "200"});
}

TEST_CASE_FIXTURE(given_a_house, "a tenant whose key is damaged harms no other tenant")
{
    const uuid lamp = make(), other = site.new_house(*first);
    bend("update es.tenant set wrapped_key = set_byte(wrapped_key, 20, get_byte(wrapped_key, 20) # 1)"
         " where tenant_id = '" + tenant.text() + "'");

    lanes::writer_config one_writer;
    one_writer.writers = 1;  // so that both share rounds
    const auto office = site.open(one_writer);
    std::vector<std::future<lanes::answer>> theirs, ours;
    for (int i = 0; i < 20; ++i)
    {
        theirs.push_back(office->send(command(tenant, thing::rename(tenant, lamp, "light"))));
        ours.push_back(office->send(command(other, thing::make(other, {site.new_id(), "chair"}))));
    }
    for (auto& each : theirs)
        CHECK(told(each.get()) == "broken");
    for (auto& each : ours)
        CHECK(told(each.get()) == "201");
}

TEST_CASE_FIXTURE(given_a_house, "a birth that is tried again is the same birth, until it is accepted")
{
    event_log::keyring keys{{site.master_key()}};
    event_log::store_config config;
    config.dsn = site.db().dsn();
    event_log::store store{config};
    lanes::tenant_directory directory{keys};
    const uuid baby = site.new_id();

    const auto once = directory.prepare_birth(baby, store);
    const auto hash = keys.hash_claim(baby, "scope", "value");
    const auto again = directory.prepare_birth(baby, store);

    CHECK(again.wrapped_key == once.wrapped_key);
    CHECK(again.lane == once.lane);
    keys.learn_tenant({baby, again.lane, again.wrapped_key});
    CHECK(keys.hash_claim(baby, "scope", "value") == hash);
    directory.learn(baby, once.lane);
    CHECK(directory.prepare_birth(baby, store).wrapped_key != once.wrapped_key);
}
