// Items as lines of CSV: quoting, formulas, and what has parts of its own.
#include "schemas/csv.hpp"

#include <doctest/doctest.h>

#include <string>

namespace
{
std::string cell(std::string_view text)
{
    std::string made;
    schema::append_csv_cell(made, text);
    return made;
}

std::string json_cell(std::string_view text)
{
    std::string made;
    schema::append_csv_json_cell(made, text);
    return made;
}

std::string line(const std::string& item)
{
    schema::json::document parsed;
    REQUIRE(parsed.parse(item));
    std::string made;
    schema::append_csv_line(made, schema::schema_of<schema::money>, parsed.root());
    return made;
}
}  // namespace

TEST_CASE("a cell is quoted when it holds what parts cells, and its quotes are doubled")
{
    CHECK(cell("plain text") == "plain text");
    CHECK(cell("") == "");
    CHECK(cell("a,b") == "\"a,b\"");
    CHECK(cell("say \"hi\"") == "\"say \"\"hi\"\"\"");
    CHECK(cell("two\nlines") == "\"two\nlines\"");
    CHECK(cell("a\rb") == "\"a\rb\"");
    CHECK(cell("a;b") == "\"a;b\"");  // a reader may have been told that ; or tabs part cells
    CHECK(cell("a\tb") == "\"a\tb\"");
    CHECK(cell("ä ß 漢") == "ä ß 漢");
}

TEST_CASE("what a spreadsheet would run is made text")
{
    for (const char* text : {"=1+1", "+1", "-1", "@sum"})
        CHECK(cell(text) == std::string{"'"} + text);
    CHECK(cell("=a,\"b\"") == "\"'=a,\"\"b\"\"\"");
    CHECK(cell("a=1") == "a=1");
}

TEST_CASE("no white space and nothing unseen hides a formula, and no other form of its sign")
{
    for (const char* sign :
         {"=", "+", "-", "@", "\u2212", "\ufe62", "\ufe63", "\ufe66", "\ufe6b", "\uff0b", "\uff0d", "\uff1d", "\uff20"})
        for (const char* before :
             {"",       " ",      "  ",     "\u00a0",        "\u00ad", "\u200b", "\u200e",     "\u200f",
              "\u202a", "\u202b", "\u202c", "\u202d",        "\u202e", "\u2060", "\u2066",     "\u2069",
              "\u3000", "\ufe0f", "\ufeff", "\ufeff\u200b ", "\x01",   "\x7f",   "\U000e0020", "\U0001d173"})
        {
            const auto text = std::string{before} + sign + "1";
            CAPTURE(text);
            CHECK(cell(text) == "'" + text);
        }
    CHECK(cell("\t=1") == "\"'\t'=1\"");
    CHECK(cell("\r=1") == "\"'\r'=1\"");
    CHECK(cell("\n=1") == "\"'\n'=1\"");
    CHECK(cell("\r\n \ufeff=1") == "\"'\r\n' \ufeff=1\"");
    CHECK(cell("\x01plain") == "'\x01plain");
    CHECK(cell("\tplain") == "\"'\tplain\"");
    CHECK(cell("\t") == "\"'\t\"");
    CHECK(cell("\r") == "\"'\r\"");
    CHECK(cell(std::string_view{"\0=1", 3}) == std::string_view{"'\0=1", 4});
    for (const char* plain : {" text", "\ufefftext", "\u200b", " ", "a \u200b=1", "\u2014", "\u00e4=", "1-1", "\xff=1",
                              "\xe2\x80", "\xe2="})
        CHECK(cell(plain) == plain);
}

TEST_CASE("no sign begins a formula where ; or a tab parts cells, nor behind a line end or a quote")
{
    CHECK(cell("x;=cmd|'/c calc'!A1;y") == "\"x;'=cmd|'/c calc'!A1;y\"");
    CHECK(cell("x;y") == "\"x;y\"");
    CHECK(cell("a\nb\t=1") == "\"a\nb\t'=1\"");
    CHECK(cell("\"=1\"") == "\"\"\"'=1\"\"\"");
    for (const std::string opener : {";", "\t", "\n", "\r", "\r\n", "; ;", "; \ufeff\t", ";;"})
        for (const char* sign : {"=", "+", "-", "@", "\u2212", "\uff1d"})
            for (const char* between : {"", " ", "\u00a0", "\u200b", "\ufeff\u2060 ", "\x01"})
            {
                const auto text = std::string{between} + sign + "1";
                CAPTURE(text);
                CHECK(cell("x" + opener + text) == "\"x" + opener + "'" + text + "\"");
            }
    CHECK(cell("x;\"=1") == "\"x;\"\"'=1\"");
    for (const char* plain : {"x; y=1", "a;1-1", "a; \u2014", ";", "a;\ufeff"})
        CHECK(cell(plain) == '"' + std::string{plain} + '"');
    CHECK(cell("1-1, a - b") == "\"1-1, a - b\"");
}

TEST_CASE("JSON in a cell keeps what it says: a sign is escaped as JSON escapes it")
{
    CHECK(json_cell(R"({"a":"=1","b":-1})") == R"("{""a"":""\u003d1"",""b"":-1}")");
    CHECK(json_cell(R"(["x; \uff0b1","-","1-1"])") == R"("[""x; \uff0b1"",""\u002d"",""1-1""]")");
    CHECK(json_cell("[\"x;\uff0b1\"]") == R"("[""x;\uff0b1""]")");
    CHECK(json_cell(R"(["say \"@me\""])") == R"("[""say \""\u0040me\""""]")");
    CHECK(json_cell("-7") == "'-7");
    CHECK(json_cell("") == "");
    CHECK(line(R"({"amount_minor": 1, "currency": {"x": "=1"}})") == "1,\"{\"\"x\"\":\"\"\\u003d1\"\"}\"\r\n");
}

TEST_CASE("a line has a cell per row of the record, whatever the item's order or gaps")
{
    CHECK(line(R"({"amount_minor": 7, "currency": "EUR"})") == "7,EUR\r\n");
    CHECK(line(R"({"currency": "EUR", "amount_minor": -7})") == "'-7,EUR\r\n");
    CHECK(line(R"({"new": 1, "currency": "EUR"})") == ",EUR\r\n");
    CHECK(line(R"({"amount_minor": null, "currency": ["a", "b"]})") == ",\"[\"\"a\"\",\"\"b\"\"]\"\r\n");
    CHECK(line(R"({"amount_minor": true, "currency": {"x": 1}})") == "true,\"{\"\"x\"\":1}\"\r\n");
    CHECK(line("{}") == ",\r\n");
}
