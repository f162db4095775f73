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
    CHECK(cell("\r") == "\"\r\"");
    CHECK(cell("ä ß 漢") == "ä ß 漢");
}

TEST_CASE("what a spreadsheet would run is made text")
{
    for (const char* text : {"=1+1", "+1", "-1", "@sum"})
        CHECK(cell(text) == std::string{"'"} + text);
    CHECK(cell("=a,\"b\"") == "\"'=a,\"\"b\"\"\"");
    CHECK(cell("a=1") == "a=1");
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
