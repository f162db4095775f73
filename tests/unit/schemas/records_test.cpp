// Reading and writing as a property: what is written is read back the same, whatever the values.
#include "schemas/text.hpp"
#include "tests/unit/schemas/sample.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace schema;

namespace
{
std::string written(const auto& value)
{
    std::string out;
    write_json(value, out);
    return out;
}

template <class T>
std::string first_fault(const result<T, faults>& got)
{
    return got ? std::string{"none"} : got.error().front().where + ' ' + std::string{got.error().front().code};
}

constexpr std::string_view minimal =
    R"({"id":"thing_00000000000000000000000001","raw":"00000000-0000-0000-0000-00000000000a","flag":true,"small":-1,)"
    R"("middle":100000,"large":9007199254740991,"name":"n","story":"","at":"2026-01-31T09:30:00Z","on":"2024-02-29",)"
    R"("price":{"amount_minor":125000,"currency":"EUR"},"feels":"lost","where":{"street":"s"},)"
    R"("outline":{"type":"circle","radius":3}})";
}  // namespace

TEST_CASE("random records are read back as they were written, from requests and from the store")
{
    const std::uint64_t seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937_64 random{seed};
    for (int i = 0; i < 300; ++i)
    {
        const auto value = sample::random_everything(random);
        const std::string text = written(value);
        CAPTURE(text);
        for (const reading how : {reading::request, reading::stored})
        {
            const auto again = read_json<sample::everything>(text, how);
            REQUIRE_MESSAGE(again, first_fault(again));
            CHECK(*again == value);
        }
        CHECK(canonical_json(canonical_json(text)) == canonical_json(text));
    }
}

TEST_CASE("a record is written in the order of its rows, every member present, null when unset")
{
    const auto value = read_json<sample::everything>(minimal);
    REQUIRE_MESSAGE(value, first_fault(value));
    CHECK(written(*value) ==
          R"({"id":"thing_00000000000000000000000001","raw":"00000000-0000-0000-0000-00000000000a","flag":true,)"
          R"("small":-1,"middle":100000,"large":9007199254740991,"name":"n","story":"",)"
          R"("at":"2026-01-31T09:30:00.000000Z","on":"2024-02-29","price":{"amount_minor":125000,"currency":"EUR"},)"
          R"("feels":"lost","where":{"street":"s","town":null},"outline":{"type":"circle","radius":3},)"
          R"("nickname":null,"count":null,"other":null,"labels":[],"friends":[],"places":[],"counts":{},"level":7})");
    CHECK(value->level == 7);
}

TEST_CASE("a patch tells apart what is absent, null and a value, and leaves out what is absent")
{
    const auto value = read_json<sample::change>(R"({"minutes":null,"labels":[]})");
    REQUIRE(value);
    CHECK(value->name.is_absent());
    CHECK(value->minutes.is_null());
    CHECK(value->labels.has_value());
    CHECK(value->labels.value().empty());
    CHECK(written(*value) == R"({"minutes":null,"labels":[]})");
    CHECK(value->name.over("kept") == "kept");
    CHECK(value->minutes.over(5) == std::nullopt);
    CHECK(patch<int>{3}.over(5) == 3);

    CHECK(first_fault(read_json<sample::change>(R"({"name":null})")) == "#/name null");
    CHECK(first_fault(read_json<sample::change>(R"({"labels":["a","a"]})")) == "#/labels/1 duplicate");
    CHECK(written(sample::change{}) == "{}");
}

TEST_CASE("a request is trimmed and brought into NFC, and counted afterwards in code points")
{
    const auto named = [](std::string_view name) {
        return read_json<sample::change>(R"({"name":")" + std::string{name} + R"("})");
    };

    CHECK(named("  plain\\u0020")->name.value() == "plain");
    CHECK(named("\\u00a0\\u3000x\\u2009")->name.value() == "x");
    CHECK(named("Cafe\\u0301")->name.value() == "Café");
    std::string twenty;
    for (int i = 0; i < 20; ++i)
        twenty += "e\\u0301";
    CHECK(code_points(named(twenty)->name.value()) == 20);
    CHECK(first_fault(named(twenty + "e")) == "#/name too_long");
    CHECK(first_fault(named("   ")) == "#/name too_short");
    CHECK(named("😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀"));
}

TEST_CASE("the store's texts are taken as they are, unknown members ignored, bounds not judged")
{
    const auto stored = [](std::string_view text) { return read_json<sample::change>(text, reading::stored); };
    CHECK(stored(R"({"name":"  Cafe\u0301 ","added_later":{"a":[1]}})")->name.value() == "  Cafe\xCC\x81 ");
    CHECK(stored(R"({"minutes":1000000})")->minutes.value() == 1'000'000);
    CHECK(stored(R"({"name":"bell\u0007 and a name of more than twenty"})"));
    CHECK(first_fault(stored(R"({"minutes":"5"})")) == "#/minutes mistyped");
    CHECK(first_fault(read_json<sample::contact>("{}", reading::stored)) == "#/email required");
}

TEST_CASE("a fact is read as the alternative that the log names; an unknown name is nothing, damage is an exception")
{
    const auto fact = read_variant<sample::event>("thing.parted", R"({"id":"thing_00000000000000000000000001"})");
    REQUIRE(fact);
    CHECK(std::holds_alternative<sample::parted>(*fact));
    CHECK_FALSE(read_variant<sample::event>("thing.vanished", "{}"));
    CHECK_THROWS_WITH(read_variant<sample::event>("thing.parted", R"({"id":"canary"})"),
                      "stored thing.parted is unreadable at #/id: format");
    CHECK_THROWS(read_variant<sample::event>("thing.parted", "{"));
}

TEST_CASE("logs show neither secrets nor personal members")
{
    sample::contact value{.email = "ann@example.org", .token = "canary"};
    std::string out;
    write_redacted(value, out);
    CHECK(out.find("canary") == out.npos);
    CHECK(out.find(R"("token":"***")") != out.npos);

    out.clear();
    write_redacted(sample::met{.name = {"canary"}}, out);
    CHECK(out.find("canary") == out.npos);
}

TEST_CASE("canonical text is one for all spellings of the same members")
{
    CHECK(canonical_json(" { \"b\" : [ 1 , 2.50 ] , \"a\" : \"\\u00e9\\/\" } ") == "{\"a\":\"é/\",\"b\":[1,2.5]}");
    CHECK(canonical_json(R"({"a":{"z":null,"y":true}})") == R"({"a":{"y":true,"z":null}})");
    CHECK(canonical_json("{cut") == "{cut");
    CHECK(canonical_json("[]") == "[]");
}

TEST_CASE("enumerations are named by value")
{
    CHECK(name_of(sample::mood::busy) == "busy");
    CHECK(enum_named<sample::mood>("lost") == sample::mood::lost);
    CHECK_FALSE(enum_named<sample::mood>("Lost"));
}

TEST_CASE("a CSV's first line holds the member names")
{
    CHECK(csv_header(schema_of<sample::place>) == "street,town\r\n");
}
