// JSON Schema, emitted descriptions, and the naming of what a change would break.
#include "schemas/describe.hpp"
#include "schemas/emitted.hpp"
#include "schemas/json_writer.hpp"
#include "tests/unit/schemas/sample.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

using namespace schema;
using breaking = std::vector<std::string>;

namespace
{
// One record in its shapes over time.
struct note
{
    std::string title;
    std::optional<std::string> body;
    std::int32_t minutes = 0;
    sample::mood feels{};
    std::optional<sample::place> where;
};
struct renamed
{
    std::string headline;
    std::optional<std::string> body;
};

constexpr auto title = field<&note::title>("title", length{1, 100});
constexpr auto body = field<&note::body>("body", multiline{});
constexpr auto minutes = field<&note::minutes>("minutes", range{0, 60});
constexpr auto feels = field<&note::feels>("feels", optional_member{});
constexpr auto where = field<&note::where>("where");

constexpr record_type first = record("note", 1, title, body, minutes, feels, where);

breaking as_event(const record_type& now) { return breaks(emit(first), now, compatibility::as_event); }
breaking as_request(const record_type& now) { return breaks(emit(first), now, compatibility::as_request); }
breaking as_answer(const record_type& now) { return breaks(emit(first), now, compatibility::as_answer); }
}  // namespace

TEST_CASE("an emitted description is stable and readable, a line per member")
{
    CHECK(emit(first) ==
          R"({"record": "note", "version": 1, "members": [
  {"name": "title", "type": "text", "required": true, "min": 1, "max": 100},
  {"name": "body", "type": "text", "null": true, "multiline": true},
  {"name": "minutes", "type": "int32", "required": true, "min": 0, "max": 60},
  {"name": "feels", "type": "enumeration", "values": ["calm", "busy", "lost"]},
  {"name": "where", "type": "record", "null": true, "record": "place", "version": 1, "members": [
    {"name": "street", "type": "text", "required": true, "min": 1, "max": 40},
    {"name": "town", "type": "text", "null": true, "min": 1, "max": 40}
  ]}
]}
)");
    CHECK(emit(schema_of<sample::everything>) == emit(schema_of<sample::everything>));
}

TEST_CASE("what did not change breaks nobody, nor does a new member that may be absent")
{
    CHECK(as_event(first).empty());
    CHECK(as_request(first).empty());
    for (const auto* each : {&schema_of<sample::everything>, &schema_of<sample::met>, &schema_of<sample::change>})
        CHECK(breaks(emit(*each), *each, compatibility::as_event).empty());

    constexpr auto before = record("note", 1, title);
    CHECK(breaks(emit(before), record("note", 1, title, body), compatibility::as_event).empty());
    CHECK(breaks(emit(before), record("note", 1, title, body), compatibility::as_request).empty());
}

TEST_CASE("a removed, renamed, retyped or newly required member is named")
{
    CHECK(as_event(record("note", 1, title, minutes, feels, where)) == breaking{"body: removed"});
    CHECK(as_event(record("note", 1, field<&renamed::headline>("headline"), body, minutes, feels, where)) ==
          breaking{"title: removed", "headline: newly required"});
    CHECK(as_event(record("note", 1, title, body, field<&note::title>("minutes"), feels, where)) ==
          breaking{"minutes: retyped from int32 to text"});
    CHECK(as_event(record("note", 1, title, body, minutes, field<&note::feels>("feels"), where)) ==
          breaking{"feels: newly required"});
    CHECK(as_event(record("note", 1, title, field<&note::title>("body", optional_member{}), minutes, feels, where)) ==
          breaking{"body: may not be null any more"});
    CHECK(as_event(record("letter", 1, title, body, minutes, feels, where)) ==
          breaking{"record: renamed from note to letter"});
}

TEST_CASE("a removed value of an enumeration and a change inside a nested record are named")
{
    std::string old = emit(first);
    old.replace(old.find("\"lost\""), 6, "\"lost\", \"gone\"");
    CHECK(breaks(old, first, compatibility::as_event) == breaking{"feels: value \"gone\" removed"});

    old = emit(first);
    old.replace(old.find("\"town\""), 6, "\"city\"");
    CHECK(breaks(old, first, compatibility::as_event) == breaking{"where.city: removed"});

    old = emit(schema_of<sample::everything>);
    old.replace(old.find("\"record\": \"circle\""), 18, "\"record\": \"spiral\"");
    CHECK(breaks(old, schema_of<sample::everything>, compatibility::as_event) ==
          breaking{"outline: alternative spiral removed"});
}

TEST_CASE("narrower bounds break clients, not events; wider ones break nobody")
{
    constexpr auto narrower = record("note", 1, field<&note::title>("title", length{2, 50}), field<&note::body>("body"),
                                     minutes, feels, where);
    CHECK(as_event(narrower).empty());
    CHECK(as_request(narrower) ==
          breaking{"title: min raised to 2", "title: max lowered to 50", "body: not multiline any more"});
    constexpr auto wider = record("note", 1, field<&note::title>("title", length{0, 500}), body, minutes, feels, where);
    CHECK(as_request(wider).empty());
    constexpr auto fixed =
        record("note", 1, field<&note::title>("title", length{1, 100}, read_only{}), body, minutes, feels, where);
    CHECK(as_request(fixed) == breaking{"title: newly read-only"});
}

TEST_CASE("an event's new version may change, since an upcaster comes with it; its seal may not be lost")
{
    CHECK(as_event(record("note", 2, title)).empty());
    CHECK(as_request(record("note", 2, title)).size() == 4);

    const auto old = emit(schema_of<sample::met>);
    CHECK(old.find(R"("personal": true, "sealed": true)") != old.npos);
    std::string before = emit(first);
    before.replace(before.find("\"required\": true"), 16, "\"required\": true, \"sealed\": true");
    CHECK(breaks(before, first, compatibility::as_event) == breaking{"title: not sealed any more"});
    CHECK_THROWS_AS(breaks("{}", first, compatibility::as_event), std::invalid_argument);
    CHECK_THROWS_AS(breaks("cut", first, compatibility::as_event), std::invalid_argument);
}

TEST_CASE("an answer keeps its members, their types and their being there, whatever its version says")
{
    for (const int version : {1, 2})
    {
        CAPTURE(version);
        CHECK(as_answer(record("note", version, title, body, minutes, feels, where)).empty());
        CHECK(as_answer(record("note", version, title, minutes, feels, where)) == breaking{"body: removed"});
        CHECK(as_answer(record("note", version, field<&renamed::headline>("headline"), body, minutes, feels, where)) ==
              breaking{"title: removed"});
        CHECK(as_answer(record("note", version, title, body, field<&note::title>("minutes"), feels, where)) ==
              breaking{"minutes: retyped from int32 to text"});
        CHECK(as_answer(record("note", version, field<&note::body>("title"), body, minutes, feels, where)) ==
              breaking{"title: may be null now"});
        CHECK(as_answer(record("note", version, title, field<&note::title>("body"), minutes, feels, where)).empty());
    }
    std::string old = emit(first);
    old.replace(old.find("\"town\""), 6, "\"city\"");
    CHECK(breaks(old, first, compatibility::as_answer) == breaking{"where.city: removed"});
    CHECK(breaks(emit(record("note", 1, title)), first, compatibility::as_answer).empty());
}

TEST_CASE("a record is described as JSON Schema, for requests and for answers")
{
    std::string text;
    json_writer out{text};
    describe(schema_of<sample::contact>, out);
    CHECK(canonical_json(text) != text);
    CHECK(text.find(R"("email":{"type":"string","maxLength":254,"format":"email","x-format":"email"})") != text.npos);
    CHECK(text.find(R"("required":["email","zone","color","slug","currency"],"additionalProperties":false)") !=
          text.npos);
    CHECK(text.find("\"version\"") == text.npos);

    const std::string answer = json_schema(schema_of<sample::contact>, described_as::answer);
    CHECK(answer.starts_with(
        R"({"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"contact@2","title":"contact",)"));
    CHECK(answer.find(R"("readOnly":true)") != answer.npos);
    CHECK(answer.find("additionalProperties") == answer.npos);
}

TEST_CASE("every leaf has its JSON Schema")
{
    const std::string text = json_schema(schema_of<sample::everything>);
    for (
        const auto* part :
        {R"("id":{"type":"string","pattern":"^thing_[0-7][0-9a-hjkmnp-tv-z]{25}$"})",
         R"("raw":{"type":"string","format":"uuid"})", R"("flag":{"type":"boolean"})",
         R"("small":{"type":"integer","minimum":-32768,"maximum":32767})",
         R"("middle":{"type":"integer","minimum":-5,"maximum":100000,"x-unit":"minutes"})",
         R"("large":{"type":"integer","minimum":-9007199254740991,"maximum":9007199254740991})",
         R"("name":{"type":"string","minLength":1,"maxLength":20,"description":"Shown in lists."})",
         R"("at":{"type":"string","format":"date-time"})", R"("on":{"type":"string","format":"date"})",
         R"("feels":{"type":"string","enum":["calm","busy","lost"]})",
         R"("nickname":{"type":["string","null"],"minLength":1,"maxLength":20})",
         R"("labels":{"type":"array","maxItems":5,"uniqueItems":true,)"
         R"("items":{"type":"string","minLength":1,"maxLength":10}})",
         R"("counts":{"type":"object","maxProperties":4,)"
         R"("additionalProperties":{"type":"integer","minimum":0,"maximum":9}})",
         R"({"title":"circle","type":"object","properties":{"type":{"const":"circle"},)"})
        CHECK_MESSAGE(text.find(part) != text.npos, part);
    CHECK(canonical_json(text).size() == text.size());
}

TEST_CASE("written JSON is valid whatever bytes go in")
{
    std::string text;
    json_writer out{text};
    out.begin_object().key("a\"b").string("\x01\b\f\n\r\t\\\"/\x7F é\xFF").key("n").begin_array();
    out.integer(INT64_MIN).number(0.1).number(std::nan("")).boolean(true).null().raw("{}").end_array();
    out.key("empty").begin_object().end_object().member("last", "x").end_object();
    CHECK(text == "{\"a\\\"b\":\"\\u0001\\b\\f\\n\\r\\t\\\\\\\"/\x7F é\xEF\xBF\xBD\","
                  "\"n\":[-9223372036854775808,0.1,null,true,null,{}],\"empty\":{},\"last\":\"x\"}");
}
