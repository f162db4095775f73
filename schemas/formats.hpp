// What a text may have to look like beyond its length: one table of formats for checking and for documents.
//
// Sources: the WHATWG's definition of a valid e-mail address, widened to letters beyond ASCII; ISO 4217; the IANA time
// zone database. Pure and thread-safe.
#pragma once

#include "schemas/record.hpp"

#include <string_view>

namespace schema
{
inline constexpr std::size_t email_max = 254;  // code points

struct format_rule
{
    std::string_view name;              // in emitted files
    bool (*holds)(std::string_view);    // of NFC text
    std::string_view sentence;          // what a fault says
    std::string_view json_schema_name;  // "format" of JSON Schema, or empty
    std::string_view pattern;           // of JSON Schema, or empty
};

const format_rule& rule_of(format);  // not for format::none

bool is_email(std::string_view);
bool is_time_zone(std::string_view);
bool is_color(std::string_view);
bool is_slug(std::string_view);
}  // namespace schema
