// Planted personal values are nowhere in the store in clear, and come back to whoever holds the key.
#include "events/client.hpp"
#include "events/log/meta.hpp"
#include "events/log/seal.hpp"
#include "tests/kit/log/rounds.hpp"
#include "tests/kit/paths.hpp"

#include <doctest/doctest.h>

using namespace log_tests;

namespace
{
constexpr const char* canaries[] = {"canary-mail@example.org", "+49 30 555 0199", "canary notes \xC3\xA9",
                                    "203.0.113.77", "CanaryAgent/1.0"};

struct given_a_ring
{
    kit::database db;
    kit::temporary_directory room;
    store log{at(db.dsn())};
    tenant acme;

    given_a_ring() { create_master_key(room.path() / "master.key"); }
};

new_event sealed_event(const keyring& ring, const tenant& of, const stream_key& key, std::span<const subject_key> fresh)
{
    client::created fact;
    fact.id = {key.id};
    fact.name = "Acme's client";
    fact.email = schema::personal<std::string>{canaries[0]};
    fact.phone = schema::personal<std::string>{canaries[1]};
    fact.notes = schema::personal<std::string>{canaries[2]};
    meta how;
    how.ip = canaries[3];
    how.user_agent = canaries[4];
    new_event out;
    out.event_id = fresh_id();
    out.stream = key;
    out.version = 1;
    out.type = "client.created";
    const auto sealer = ring.sealer_for(of.id, out.event_id, fresh);
    schema::write_json(fact, out.data, sealer.get());
    write_meta(how, of.id, out.meta, sealer.get());
    return out;
}
}  // namespace

TEST_CASE_FIXTURE(given_a_ring, "personal values are ciphertext in every table, and in the server's log")
{
    keyring ring{{room.path() / "master.key", 1000}};
    const tenant_entry entry{acme.id, acme.lane, ring.make_tenant_key(acme.id)};
    ring.learn_tenant(entry);
    stream person = acme.fresh_stream("client");
    const std::vector<subject_key> fresh{ring.make_subject_key(acme.id, person.key.id),
                                         ring.make_subject_key(acme.id, acme.id)};

    command birth{acme};
    birth.born(acme).write(acme.org, "org.created").expect(person).remember("key");
    birth.part.tenant_born->wrapped_key = entry.wrapped_key;
    birth.part.events.push_back(sealed_event(ring, acme, person.key, fresh));
    birth.part.subject_keys = fresh;
    birth.part.claims.push_back(
        {true, acme.id, "client.email", ring.hash_claim(acme.id, "client.email", canaries[0]), person.key});
    round once{fresh_id(), {birth.part}};
    REQUIRE(log.append(once).at(0).kind == verdict_kind::appended);

    for (const char* table : {"event", "round", "tenant", "receipt", "claim", "quota", "subject_key"})
    {
        const std::string all = db.run("select string_agg(t::text, '') from es." + std::string{table} + " as t");
        for (const char* canary : canaries)
            CHECK(all.find(canary) == std::string::npos);
    }
    const std::string server_log = db.server().log();
    for (const char* canary : canaries)
        CHECK(server_log.find(canary) == std::string::npos);

    // Another process, with nothing but the store and the master key.
    keyring other{{room.path() / "master.key", 1000}};
    other.learn_tenant(*log.find_tenant(acme.id));
    const std::vector<stream_ask> asks{{person.key}};
    const recorded event = log.load(asks, {}).streams.at(0).at(0);
    const auto subjects = subjects_in({&event, 1});
    for (const subject_key& key : log.subject_keys(acme.id, subjects))
        other.learn_subject(key);
    const auto opener = other.opener_for(acme.id, event.event_id);
    const auto read = schema::read_json<client::created>(event.data, schema::reading::stored, opener.get());
    REQUIRE(static_cast<bool>(read));
    CHECK((*read).email->value == canaries[0]);
    CHECK((*read).notes->value == canaries[2]);
    CHECK(read_meta(event.meta, opener.get()).ip == canaries[3]);

    other.forget_subject(acme.id, person.key.id);
    const auto forgotten = schema::read_json<client::created>(event.data, schema::reading::stored, opener.get());
    REQUIRE(static_cast<bool>(forgotten));
    CHECK((*forgotten).name == "Acme's client");
    CHECK(((*forgotten).email == std::nullopt || (*forgotten).email->forgotten));
}
