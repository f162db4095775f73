// Personal members: written through a sealer, read through an opener, typed as forgotten without one.
#include "schemas/text.hpp"
#include "tests/unit/schemas/sample.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace schema;

namespace
{
// Keeps the clear text in hexadecimal, with the pointer as "nonce": enough to see what goes where.
struct plain_sealer : sealer
{
    std::vector<std::string> pointers;

    void seal(const uuid& subject, std::string_view pointer, std::string_view clear, std::string& out) override
    {
        pointers.emplace_back(pointer);
        out += R"({"$sealed":{"s":")" + subject.text() + R"(","k":3,"n":")" + hex(pointer) + R"(","c":")" + hex(clear) +
               R"("}})";
    }
};

struct plain_opener : opener
{
    bool forgets = false;

    std::optional<std::string> open(const sealed_value& sealed, std::string_view pointer) override
    {
        CHECK(from_hex(sealed.nonce) == pointer);
        CHECK(sealed.key_version == 3);
        CHECK(sealed.subject.bytes[15] == 9);
        return forgets ? std::nullopt : from_hex(sealed.ciphertext);
    }
};

sample::met example()
{
    sample::met made;
    made.id.value.bytes[15] = 9;
    made.kind = "friend";
    made.name.value = "canary \"Ann\"";
    made.phone.value = "canary 555";
    made.home = personal<sample::place>{{"canary street", std::nullopt}};
    return made;
}

std::string sealed_text(const sample::met& value)
{
    plain_sealer sealing;
    std::string out;
    write_json(value, out, &sealing);
    return out;
}

sample::met read_back(std::string_view text, opener* open)
{
    const auto got = read_json<sample::met>(text, reading::stored, open);
    REQUIRE(got);
    return *got;
}
}  // namespace

TEST_CASE("personal members reach the text only through the sealer, each with its pointer")
{
    plain_sealer sealing;
    std::string out;
    write_json(example(), out, &sealing);
    CHECK(out.find("canary") == out.npos);
    CHECK(out.find(R"("kind":"friend")") != out.npos);
    CHECK(sealing.pointers == std::vector<std::string>{"/name", "/phone", "/home"});
}

TEST_CASE("what was sealed is opened to the same record")
{
    plain_opener opening;
    CHECK(read_back(sealed_text(example()), &opening) == example());
}

TEST_CASE("a forgotten subject's values, and all values without an opener, are typed as forgotten")
{
    plain_opener opening;
    opening.forgets = true;
    for (opener* open : {static_cast<opener*>(&opening), static_cast<opener*>(nullptr)})
    {
        const auto got = read_back(sealed_text(example()), open);
        CHECK(got.name.forgotten);
        CHECK(got.name.value.empty());
        CHECK(got.phone.forgotten);
        REQUIRE(got.home);
        CHECK(got.home->forgotten);
        CHECK(got.kind == "friend");
    }
}

TEST_CASE("clear values from before there was sealing are read too")
{
    std::string out;
    write_json(example(), out);
    CHECK(read_back(out, nullptr) == example());
}

TEST_CASE("what is unset is not sealed, and what is forgotten is written as null and read as forgotten")
{
    auto value = example();
    value.phone.value.reset();
    value.home.reset();
    value.name = {"", true};
    const std::string text = sealed_text(value);
    CHECK(text.find("$sealed") == text.npos);
    CHECK(read_back(text, nullptr) == value);
}

TEST_CASE("a request cannot send a sealed value, nor a damaged one be read from the store")
{
    const std::string text = sealed_text(example());
    const auto sent = read_json<sample::met>(text);
    REQUIRE_FALSE(sent);
    CHECK(sent.error().front().where == "#/name");
    CHECK(sent.error().front().code == "mistyped");

    const std::string id = R"({"id":"thing_00000000000000000000000009","kind":"","phone":null,"name":)";
    for (const auto* damaged : {R"({"$sealed":5})", R"({"$sealed":{}})", R"({"$sealed":{"s":"x","k":1,"n":"","c":""}})",
                                R"({"$sealed":{"s":"00000000-0000-0000-0000-000000000009","k":"1","n":"","c":""}})"})
        CHECK_FALSE(read_json<sample::met>(id + damaged + "}", reading::stored));
}

TEST_CASE("the sealed form of a nested document is parsed while the one around it is read")
{
    plain_opener opening;
    const auto got = read_variant<sample::event>("thing.met", sealed_text(example()), &opening);
    REQUIRE(got);
    CHECK(std::get<sample::met>(*got).home->value.street == "canary street");
}
