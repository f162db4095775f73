// Personal values: sealed for one place of one event, readable as long as their subject's key is kept.
#include "events/log/seal.hpp"
#include "schemas/text.hpp"
#include "tests/kit/paths.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

using namespace event_log;

namespace
{
uuid id(std::uint8_t n) { return uuid::v7(1'700'000'000'000, {n}); }

const uuid acme = id(1), other = id(2), ann = id(3), bob = id(4), event_a = id(5), event_b = id(6);

struct given_a_ring
{
    kit::temporary_directory room;
    std::filesystem::path file = room.path() / "master.key";
    keyring ring = made();

    keyring made()
    {
        if (!std::filesystem::exists(file))
            create_master_key(file);
        return keyring{{file, 100}};
    }
    tenant_entry learn(keyring& in, const uuid& tenant)
    {
        tenant_entry entry{tenant, 3, in.make_tenant_key(tenant)};
        in.learn_tenant(entry);
        return entry;
    }
    std::string seal(const uuid& tenant, const uuid& event, const uuid& subject, const std::string& pointer,
                     const std::string& clear, std::span<const subject_key> fresh = {})
    {
        std::string out;
        ring.sealer_for(tenant, event, fresh)->seal(subject, pointer, clear, out);
        return out;
    }
};

// Takes apart what a sealer wrote, as the reader of records does.
struct parts
{
    explicit parts(const std::string& text)
    {
        const auto between = [&](const std::string& from, char until) {
            const auto begin = text.find(from) + from.size();
            return text.substr(begin, text.find(until, begin) - begin);
        };
        nonce = between("\"n\":\"", '"');
        ciphertext = between("\"c\":\"", '"');
        value = {*uuid::parse(between("\"s\":\"", '"')), std::stoi(between("\"k\":", ',')), nonce, ciphertext};
    }
    std::string nonce, ciphertext;
    schema::sealed_value value;
};
}  // namespace

TEST_CASE_FIXTURE(given_a_ring, "what is sealed is opened in its own place only")
{
    learn(ring, acme);
    learn(ring, other);
    ring.learn_subject(ring.make_subject_key(acme, ann));
    const std::string sealed = seal(acme, event_a, ann, "/email", "\"ann@example.org\"");
    CHECK(sealed.find("ann@example.org") == std::string::npos);
    CHECK(sealed.starts_with("{\"$sealed\":{\"s\":\"" + ann.text() + "\",\"k\":1,\"n\":\""));
    const parts apart{sealed};

    CHECK(ring.opener_for(acme, event_a)->open(apart.value, "/email") == "\"ann@example.org\"");
    CHECK_THROWS(ring.opener_for(acme, event_a)->open(apart.value, "/phone"));
    CHECK_THROWS(ring.opener_for(acme, event_b)->open(apart.value, "/email"));
    parts flipped{sealed};
    flipped.ciphertext[3] = flipped.ciphertext[3] == 'A' ? 'B' : 'A';
    flipped.value.ciphertext = flipped.ciphertext;
    CHECK_THROWS(ring.opener_for(acme, event_a)->open(flipped.value, "/email"));
    parts cut{sealed};
    cut.value.ciphertext = std::string_view{cut.ciphertext}.substr(0, 8);
    CHECK_THROWS(ring.opener_for(acme, event_a)->open(cut.value, "/email"));
}

TEST_CASE_FIXTURE(given_a_ring, "the same value sealed twice looks different, and empty ones too")
{
    learn(ring, acme);
    ring.learn_subject(ring.make_subject_key(acme, ann));
    CHECK(seal(acme, event_a, ann, "/x", "\"\"") != seal(acme, event_a, ann, "/x", "\"\""));
    for (int i = 0; i < 600; ++i)
    {
        const parts apart{seal(acme, event_a, ann, "/x", std::to_string(i))};
        REQUIRE(ring.opener_for(acme, event_a)->open(apart.value, "/x") == std::to_string(i));
    }
}

TEST_CASE_FIXTURE(given_a_ring, "a fresh key counts only for its command until it is learned")
{
    learn(ring, acme);
    const std::vector<subject_key> fresh{ring.make_subject_key(acme, bob)};
    CHECK_FALSE(ring.knows_subject(acme, bob));
    CHECK_THROWS(seal(acme, event_a, bob, "/x", "1"));
    const parts apart{seal(acme, event_a, bob, "/x", "1", fresh)};

    CHECK_THROWS(ring.opener_for(acme, event_a)->open(apart.value, "/x"));
    ring.learn_subject(fresh[0]);
    CHECK(ring.knows_subject(acme, bob));
    CHECK(ring.opener_for(acme, event_a)->open(apart.value, "/x") == "1");
}

TEST_CASE_FIXTURE(given_a_ring, "a forgotten subject's values are gone, an unknown one's are a mistake")
{
    learn(ring, acme);
    ring.learn_subject(ring.make_subject_key(acme, ann));
    const parts apart{seal(acme, event_a, ann, "/x", "1")};
    ring.forget_subject(acme, ann);
    CHECK_FALSE(ring.knows_subject(acme, ann));
    CHECK(ring.opener_for(acme, event_a)->open(apart.value, "/x") == std::nullopt);
    CHECK_THROWS(seal(acme, event_a, ann, "/x", "1"));

    keyring second = made();
    CHECK_THROWS(second.opener_for(acme, event_a)->open(apart.value, "/x"));
    second.learn_absent(acme, ann);
    CHECK(second.opener_for(acme, event_a)->open(apart.value, "/x") == std::nullopt);
}

TEST_CASE_FIXTURE(given_a_ring, "other bytes of a subject open for what they are, and not without its key")
{
    learn(ring, acme);
    ring.learn_subject(ring.make_subject_key(acme, ann));
    ring.learn_subject(ring.make_subject_key(acme, bob));
    const auto sealed = ring.seal_bytes(acme, ann, "a copy", "ann@example.org");
    REQUIRE(sealed);
    CHECK(sealed->find("ann") == std::string::npos);
    CHECK(ring.open_bytes(acme, ann, "a copy", *sealed) == "ann@example.org");
    CHECK_FALSE(ring.open_bytes(acme, ann, "another copy", *sealed));
    CHECK_FALSE(ring.open_bytes(acme, bob, "a copy", *sealed));
    for (std::size_t length = 0; length < sealed->size(); ++length)
        CHECK_FALSE(ring.open_bytes(acme, ann, "a copy", std::string_view{*sealed}.substr(0, length)));

    ring.forget_subject(acme, ann);
    CHECK_FALSE(ring.open_bytes(acme, ann, "a copy", *sealed));
    CHECK_FALSE(ring.seal_bytes(acme, ann, "a copy", "ann@example.org"));
    CHECK_FALSE(made().open_bytes(acme, bob, "a copy", *sealed));
}

TEST_CASE_FIXTURE(given_a_ring, "a look that found no key does not undo one learned meanwhile")
{
    learn(ring, acme);
    ring.learn_subject(ring.make_subject_key(acme, ann));
    ring.learn_absent(acme, ann);
    CHECK(ring.knows_subject(acme, ann));
}

TEST_CASE_FIXTURE(given_a_ring, "another process with the same master key reads the same")
{
    const tenant_entry entry = learn(ring, acme);
    const subject_key key = ring.make_subject_key(acme, ann);
    ring.learn_subject(key);
    const parts apart{seal(acme, event_a, ann, "/x", "1")};
    const claim_hash claim = ring.hash_claim(acme, "member.email", "ann@example.org");

    keyring second = made();
    CHECK_FALSE(second.knows_tenant(acme));
    second.learn_tenant(entry);
    second.learn_subject(key);
    CHECK(second.opener_for(acme, event_a)->open(apart.value, "/x") == "1");
    CHECK(second.hash_claim(acme, "member.email", "ann@example.org") == claim);
    CHECK(second.hash_claim(platform_tenant, "org.slug", "acme") ==
          ring.hash_claim(platform_tenant, "org.slug", "acme"));
}

TEST_CASE_FIXTURE(given_a_ring, "keys do not open under another tenant, subject, version or master key")
{
    const tenant_entry entry = learn(ring, acme);
    learn(ring, other);
    subject_key key = ring.make_subject_key(acme, ann);
    const auto moved = [&](auto change) {
        subject_key copy = key;
        change(copy);
        return copy;
    };
    CHECK_THROWS(ring.learn_subject(moved([](subject_key& k) { k.tenant = other; })));
    CHECK_THROWS(ring.learn_subject(moved([](subject_key& k) { k.subject = bob; })));
    CHECK_THROWS(ring.learn_subject(moved([](subject_key& k) { k.version = 2; })));
    CHECK_THROWS(ring.learn_subject(moved([](subject_key& k) { k.wrapped.clear(); })));

    kit::temporary_directory elsewhere;
    create_master_key(elsewhere.path() / "master.key");
    keyring stranger{{elsewhere.path() / "master.key", 100}};
    CHECK_THROWS(stranger.learn_tenant(entry));
}

TEST_CASE_FIXTURE(given_a_ring, "a damaged key is no forgotten one, and is learned once it is whole again")
{
    learn(ring, acme);
    const subject_key whole = ring.make_subject_key(acme, ann);
    const parts sealed{seal(acme, event_a, ann, "/email", "\"a\"", {&whole, 1})};
    subject_key damaged = whole;
    damaged.wrapped.back() = static_cast<char>(damaged.wrapped.back() ^ 1);

    CHECK_THROWS(ring.learn_subject(damaged));
    CHECK(ring.is_damaged(acme, ann));
    CHECK_FALSE(ring.knows_subject(acme, ann));
    CHECK_THROWS(ring.opener_for(acme, event_a)->open(sealed.value, "/email"));

    ring.learn_subject(whole);
    CHECK_FALSE(ring.is_damaged(acme, ann));
    CHECK(ring.opener_for(acme, event_a)->open(sealed.value, "/email") == "\"a\"");
}

TEST_CASE_FIXTURE(given_a_ring, "hashes differ by tenant, scope, purpose and value")
{
    learn(ring, acme);
    learn(ring, other);
    const claim_hash one = ring.hash_claim(acme, "member.email", "a");
    CHECK(one == ring.hash_claim(acme, "member.email", "a"));
    CHECK(one != ring.hash_claim(other, "member.email", "a"));
    CHECK(one != ring.hash_claim(acme, "member.phone", "a"));
    CHECK(one != ring.hash_claim(acme, "member.email", "b"));
    CHECK(ring.hash_claim(acme, "ab", "c") != ring.hash_claim(acme, "a", "bc"));
    CHECK(ring.hash_request(acme, "x") != ring.hash_request(other, "x"));
    CHECK_THROWS(ring.hash_claim(id(99), "s", "v"));
}

TEST_CASE_FIXTURE(given_a_ring, "the ring is bounded: what was not used for longest goes first")
{
    learn(ring, acme);
    keyring small{{file, 8}};
    const tenant_entry entry{acme, 3, small.make_tenant_key(acme)};
    small.learn_tenant(entry);
    std::vector<subject_key> keys;
    for (std::uint8_t i = 0; i < 8; ++i)
        keys.push_back(small.make_subject_key(acme, id(static_cast<std::uint8_t>(20 + i))));
    for (const subject_key& key : keys)
    {
        small.learn_subject(key);
        small.knows_subject(acme, keys[0].subject);
    }
    CHECK(small.knows_subject(acme, keys[0].subject));
    CHECK_FALSE(small.knows_subject(acme, keys[1].subject));
    CHECK(small.knows_subject(acme, keys[7].subject));
}

TEST_CASE_FIXTURE(given_a_ring, "what was known while the ring is held stays known until the last hold ends")
{
    keyring small{{file, 4}};  // one tenant, three subjects
    const auto learn_many = [&] {
        for (std::uint8_t i = 0; i < 6; ++i)
        {
            const uuid tenant = id(static_cast<std::uint8_t>(40 + i));
            learn(small, tenant);
            small.learn_subject(small.make_subject_key(tenant, ann));
        }
    };
    learn(small, acme);
    small.learn_subject(small.make_subject_key(acme, ann));
    small.learn_subject(small.make_subject_key(acme, bob));
    auto first = small.hold();
    CHECK(small.knows_subject(acme, ann));
    auto second = small.hold();
    CHECK(small.knows_tenant(acme));
    learn_many();
    CHECK(small.knows_tenant(acme));
    CHECK(small.knows_subject(acme, ann));
    CHECK_FALSE(small.knows_subject(acme, bob));  // nobody asked for it since
    CHECK_NOTHROW(small.hash_claim(acme, "scope", "value"));

    first.reset();
    CHECK(small.knows_tenant(acme));
    second.reset();
    learn_many();
    CHECK_FALSE(small.knows_tenant(acme));
    CHECK_FALSE(small.knows_subject(acme, ann));
    CHECK(small.knows_tenant(id(45)));
    CHECK_FALSE(small.knows_tenant(id(44)));  // the bound holds again
}

TEST_CASE_FIXTURE(given_a_ring, "a master key is made once, and read only when it is private and whole")
{
    CHECK_THROWS(create_master_key(file));
    CHECK((std::filesystem::status(file).permissions() & std::filesystem::perms::mask) ==
          (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
    std::filesystem::permissions(file, std::filesystem::perms::group_read, std::filesystem::perm_options::add);
    CHECK_THROWS(made());
    std::filesystem::permissions(file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    std::ofstream{file} << "abc";
    CHECK_THROWS(made());
    CHECK_THROWS(keyring{{room.path() / "none", 100}});
}

TEST_CASE_FIXTURE(given_a_ring, "the subjects of sealed values are found in data and meta, each once")
{
    learn(ring, acme);
    ring.learn_subject(ring.make_subject_key(acme, ann));
    ring.learn_subject(ring.make_subject_key(acme, bob));
    recorded event;
    event.data =
        "{\"a\":" + seal(acme, event_a, ann, "/a", "1") + ",\"b\":" + seal(acme, event_a, ann, "/b", "1") + "}";
    event.meta = "{\"client\":" + seal(acme, event_a, bob, "/client", "1") + "}";
    recorded plain;
    plain.data = "{\"text\":\"{\\\"$sealed\\\":{\\\"s\\\":\\\"" + other.text() + "\\\"\"}";
    const std::vector<recorded> events{event, plain, event};
    CHECK(subjects_in(events) == std::vector<uuid>{ann, bob});
}
