// What a request may not be: malformed bytes are one fault, everything else is reported at once with its pointer.
#include "schemas/json.hpp"
#include "schemas/text.hpp"
#include "tests/unit/schemas/sample.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace schema;
using namespace std::string_literals;

namespace
{
// "#/name too_long, #/x unknown"
template <class T>
std::string faults_of(std::string_view text)
{
    const auto got = read_json<T>(text);
    if (got)
        return "none";
    std::string out;
    for (const fault& each : got.error())
    {
        CHECK(each.in == fault::place::pointer);
        CHECK(is_utf8(each.where));
        CHECK_FALSE(each.message.empty());
        out += (out.empty() ? "" : ", ") + each.where + ' ' + std::string{each.code};
    }
    return out;
}

std::string change(std::string_view text) { return faults_of<sample::change>(text); }

std::string nested(std::size_t depth, std::string_view open, std::string_view close)
{
    std::string out;
    for (std::size_t i = 0; i < depth; ++i)
        out += open;
    out += '1';
    for (std::size_t i = 0; i < depth; ++i)
        out += close;
    return out;
}
}  // namespace

TEST_CASE("bytes that are not JSON are malformed, and nothing else is said")
{
    for (const auto& text : {""s,
                             " "s,
                             "{"s,
                             "}"s,
                             R"({"name":"x)"s,
                             R"({"name":"x"} {})"s,
                             R"({"name":"x"}x)"s,
                             R"({"name":nope})"s,
                             R"({name:1})"s,
                             R"({"name":'x'})"s,
                             R"({"name":"x",})"s,
                             "{,}"s,
                             R"({"minutes":01})"s,
                             R"({"minutes":+1})"s,
                             R"({"minutes":.5})"s,
                             R"({"minutes":1.})"s,
                             R"({"minutes":NaN})"s,
                             R"({"minutes":0x10})"s,
                             "\xEF\xBB\xBF{}"s,
                             "{}\0"s,
                             "{\0}"s,
                             "{\"name\":\"a\nb\"}"s,
                             "{\"name\":\"\x01\"}"s,
                             R"({"name":"\x41"})"s,
                             R"({"name":"\u12"})"s,
                             "// note\n{}"s})
    {
        CAPTURE(text);
        CHECK(change(text) == "# malformed");
    }
}

TEST_CASE("nothing at all is malformed, also when it lies nowhere")
{
    CHECK_FALSE(schema::json::document{}.parse(std::string_view{}));
    CHECK_FALSE(schema::json::document{}.parse(""));
}

TEST_CASE("bytes that are not UTF-8 are malformed")
{
    for (const auto& bytes : {"\xFF"s, "\xC0\xAF"s, "\xE2\x82"s, "\xED\xA0\x80"s, "\xF4\x90\x80\x80"s, "\x80"s})
    {
        CAPTURE(hex(bytes));
        CHECK(change("{\"name\":\"" + bytes + "\"}") == "# malformed");
        CHECK(change("{\"" + bytes + "\":1}") == "# malformed");
    }
}

TEST_CASE("half of a surrogate pair is malformed wherever it stands, and no escape makes broken UTF-8")
{
    for (const auto* text : {R"("\ud800")", R"("\udc00")", R"("\ud800\ud800")", R"("\udc00\ud800")", R"("\ud800x")",
                             R"("\ud83d\n")", R"("x\udfff")"})
    {
        CAPTURE(text);
        CHECK(change(R"({"name":)"s + text + '}') == "# malformed");
        CHECK(change("{"s + text + ":1}") == "# malformed");
        CHECK(change(R"({"unknown":[{"a":)"s + text + "}]}") == "# malformed");
    }
    CHECK(read_json<sample::change>(R"({"name":"\ud83d\ude00"})")->name.value() == "😀");
}

TEST_CASE("sixteen levels are read, seventeen are malformed")
{
    CHECK(change(R"({"a":)" + nested(15, "[", "]") + '}') == "#/a unknown");
    CHECK(change(nested(16, R"({"a":)", "}")) == "#/a unknown");
    CHECK(change(R"({"a":)" + nested(16, "[", "]") + '}').ends_with(" malformed"));
    CHECK(change(nested(17, R"({"a":)", "}")).ends_with(" malformed"));
    CHECK(change(nested(100'000, "[", "]")) == "# malformed");
    CHECK(change(nested(50'000, R"({"a":)", "}")) == "# malformed");
    CHECK(change(std::string(200'000, '[')) == "# malformed");
}

TEST_CASE("a member that is there twice is malformed in any object at any depth, however it is spelled")
{
    CHECK(change(R"({"name":"a","name":"a"})") == "#/name malformed");
    CHECK(change(R"({"name":"a","n\u0061me":"b"})") == "#/name malformed");
    CHECK(change(R"({"unknown":{"a":1,"b":2,"a":3}})") == "#/unknown/a malformed");
    CHECK(change(R"({"unknown":[0,[{"x":{}},{"x":{"k":[],"k":{}}}]]})") == "#/unknown/1/1/x/k malformed");
    CHECK(change(R"({"":1,"":2})") == "#/ malformed");
    CHECK(change(R"({"price":{"amount_minor":1,"currency":"EUR","amount_minor":1}})") ==
          "#/price/amount_minor malformed");
    CHECK(change(R"({"a":{"k":1},"b":{"k":1}})") == "#/a unknown, #/b unknown");
    CHECK(read_json<sample::change>(R"({"x":1,"x":2})", reading::stored).error().front().code == "malformed");
}

TEST_CASE("doubled members are found among very many, and many members alone are no fault of syntax")
{
    std::string many = "{";
    for (int i = 0; i < 20'000; ++i)
        many += "\"m" + std::to_string(i) + "\":1,";
    const auto all_differ = read_json<sample::change>(many + R"("last":1})");
    REQUIRE_FALSE(all_differ);
    CHECK(all_differ.error().size() == faults_max);
    CHECK(all_differ.error().front().code == "unknown");
    CHECK(change(many + R"("m777":1})") == "#/m777 malformed");
}

TEST_CASE(
    "numbers outside 64 bits are malformed; fractions, exponents and more than 53 bits are refused in their place")
{
    for (const auto* number : {"9223372036854775808", "18446744073709551615", "18446744073709551616",
                               "-9223372036854775809", "1e400", "-1e400", "123456789012345678901234567890"})
    {
        CAPTURE(number);
        CHECK(change(R"({"minutes":)"s + number + '}').ends_with("malformed"));
        CHECK(change(R"({"unknown":[)"s + number + "]}").ends_with("malformed"));
    }
    for (const auto* number : {"60.0", "1e2", "1E2", "0.5", "-0.0", "1e-2"})
    {
        CAPTURE(number);
        CHECK(change(R"({"minutes":)"s + number + '}') == "#/minutes mistyped");
    }
    CHECK(change(R"({"minutes":1001})") == "#/minutes too_large");
    CHECK(change(R"({"minutes":-1})") == "#/minutes too_small");
    CHECK(faults_of<sample::money_only>(R"({"price":{"amount_minor":9007199254740991,"currency":"EUR"}})") == "none");
    CHECK(faults_of<sample::money_only>(R"({"price":{"amount_minor":9007199254740992,"currency":"EUR"}})") ==
          "#/price/amount_minor too_large");
    CHECK(faults_of<sample::money_only>(R"({"price":{"amount_minor":-9007199254740992,"currency":"EUR"}})") ==
          "#/price/amount_minor too_small");
}

TEST_CASE("NUL and control characters are refused; newline and tab stand where a text may have lines")
{
    for (const auto* escape : {"\\u0000", "\\n", "\\t", "\\r", "\\u001f", "\\u007f", "\\u0085", "\\u009f"})
    {
        CAPTURE(escape);
        CHECK(change(R"({"name":"a)"s + escape + R"("})") == "#/name control_character");
    }
    const auto story = [](std::string_view text) {
        return faults_of<sample::everything>(R"({"story":")"s + std::string{text} + R"("})");
    };
    CHECK(story("a\\n\\tb").find("#/story") == std::string::npos);
    CHECK(story("a\\u0000b").find("#/story control_character") != std::string::npos);
    CHECK(story("a\\r\\nb").find("#/story control_character") != std::string::npos);
}

TEST_CASE("all faults come at once, each with its pointer")
{
    CHECK(
        change(
            R"({"name":5,"minutes":"5","labels":{"a":1},"price":{"amount_minor":1.5,"currency":"EUX","x":0},"y":1})") ==
        "#/name mistyped, #/minutes mistyped, #/labels mistyped, #/price/amount_minor mistyped, "
        "#/price/currency format, #/price/x unknown, #/y unknown");
    CHECK(change(R"({"labels":["ok","",7,"elevenchars","ok"]})") ==
          "#/labels/1 too_short, #/labels/2 mistyped, #/labels/3 too_long, #/labels/4 duplicate");
    CHECK(change(R"({"labels":[null]})") == "#/labels/0 null");
    CHECK(change(R"({"labels":["1","2","3","4","5","6"]})") == "#/labels too_many");
    CHECK(change(R"({"price":null,"labels":null})") == "none");
    CHECK(change(R"([])") == "# mistyped");
    CHECK(change(R"("text")") == "# mistyped");
    CHECK(change("null") == "# mistyped");
    CHECK(change(R"({"price":{}})") == "#/price/amount_minor required, #/price/currency required");
}

TEST_CASE("pointers escape what RFC 6901 escapes, and never carry a whole unbounded name")
{
    CHECK(change(R"({"a/b~c":1})") == "#/a~1b~0c unknown");
    CHECK(change(R"({"é \"\u0000":1})") == "#/%C3%A9%20%22%00 unknown");
    CHECK(change("{\"" + std::string(100'000, 'k') + "\":1}").size() < 200);
}

TEST_CASE("members that only the server sets cannot be sent, and those that must be sent are missed")
{
    CHECK(faults_of<sample::contact>(R"({"version":1})") ==
          "#/version read_only, #/email required, #/zone required, #/color required, #/slug required, "
          "#/currency required");
}

TEST_CASE("formats are checked after trimming")
{
    const auto contact = [](std::string_view member, std::string_view value) {
        const std::string all =
            faults_of<sample::contact>(R"({")"s.append(member) + R"(":")" + std::string{value} + R"("})");
        const std::string mine = "#/" + std::string{member} + ' ';
        return all.starts_with(mine) ? all.substr(mine.size(), all.find(',') - mine.size()) : "none";
    };
    for (const auto* good :
         {"ann@example.org", " ann@example.org ", "a.b+c@sub.example.co.uk", "jörg@bücher.example", "a@localhost"})
        CHECK_MESSAGE(contact("email", good) == "none", good);
    for (const auto* bad : {"ann", "@example.org", "ann@", "a b@example.org", "ann@exa mple.org", "ann@-x.org",
                            "ann@x..org", "a@b@c", "<ann@example.org>", ""})
        CHECK_MESSAGE(contact("email", bad) == "format", bad);
    CHECK(contact("email", std::string(60, 'l') + "@" + std::string(63, 'a') + "." + std::string(63, 'b') + "." +
                               std::string(63, 'c') + ".de") == "format");
    CHECK(contact("email", std::string(60, 'l') + "@" + std::string(63, 'a') + "." + std::string(63, 'b') + "." +
                               std::string(61, 'c') + ".de") == "none");

    CHECK(contact("zone", "Europe/Rome") == "none");
    CHECK(contact("zone", "UTC") == "none");
    CHECK(contact("zone", "europe/rome") == "format");
    CHECK(contact("zone", "../etc/passwd") == "format");
    CHECK(contact("color", "#1a2B3c") == "none");
    CHECK(contact("color", "#1a2b3") == "format");
    CHECK(contact("color", "red") == "format");
    CHECK(contact("slug", "acme-2") == "none");
    CHECK(contact("slug", "acme--2") == "format");
    CHECK(contact("slug", "-acme") == "format");
    CHECK(contact("slug", "Acme") == "format");
    CHECK(contact("slug", "ab") == "too_short");
    CHECK(contact("currency", "JPY") == "none");
    CHECK(contact("currency", "eur") == "format");
}

TEST_CASE("ids, times, names of values and variants are refused in their place")
{
    const auto member = [](std::string_view text) {
        const std::string all = faults_of<sample::everything>("{" + std::string{text} + "}");
        return all.substr(0, all.find(", "));
    };
    CHECK(member(R"("id":"other_00000000000000000000000001")") == "#/id format");
    CHECK(member(R"("id":"thing_80000000000000000000000001")") == "#/id format");
    CHECK(member(R"("id":"thing_0000000000000000000000000u")") == "#/id format");
    CHECK(member(R"("id":"thing_")") == "#/id format");
    CHECK(member(R"("id":null)") == "#/id null");
    CHECK(member(R"("raw":"0")") == "#/raw format");
    CHECK(member(R"("flag":1)") == "#/flag mistyped");
    CHECK(member(R"("small":32768)") == "#/small too_large");
    CHECK(member(R"("middle":-6)") == "#/middle too_small");
    CHECK(member(R"("at":"2026-02-30T00:00:00Z")") == "#/at format");
    CHECK(member(R"("on":"2023-02-29")") == "#/on format");
    CHECK(member(R"("feels":"Calm")") == "#/feels not_one_of");
    CHECK(member(R"("where":{"street":""})") == "#/where/street too_short");
    CHECK(member(R"("outline":{"radius":1})") == "#/outline/type required");
    CHECK(member(R"("outline":{"type":"line"})") == "#/outline/type not_one_of");
    CHECK(member(R"("outline":{"type":5})") == "#/outline/type not_one_of");
    CHECK(member(R"("outline":{"type":"circle","radius":0})") == "#/outline/radius too_small");
    CHECK(member(R"("price":{"amount_minor":-1,"currency":"EUR"})") == "#/price/amount_minor too_small");
    CHECK(member(R"("counts":{"a":10})") == "#/counts/a too_large");
    CHECK(member(R"("counts":{" a":1,"a ":1})").ends_with(" duplicate"));
    CHECK(member(R"("counts":{"a":1,"b":1,"c":1,"d":1,"e":1})") == "#/counts too_many");
    CHECK(member(R"("places":[{"street":"a"},{"street":"a","town":null}])") == "#/places/1 duplicate");
}

TEST_CASE("no message repeats what was sent")
{
    const auto got = read_json<sample::contact>(
        R"({"email":"canary","zone":"canary","color":"canary","slug":"canary canary","currency":"canary"})");
    REQUIRE_FALSE(got);
    for (const fault& each : got.error())
        CHECK(each.message.find("canary") == std::string::npos);
}
