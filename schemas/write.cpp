// Writing a record: rows in order, personal members through the sealer, masked members for logs.
#include "schemas/walk.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace schema
{
namespace
{
constexpr std::string_view mask = "***";

// Null is not sealed: nothing is known of it that must be forgotten.
void write_sealed(writer& out, const field_row& row, const void* owner, const void* value)
{
    std::string clear;
    writer apart{clear, nullptr};
    row.type->write(apart, *row.type, row, value);
    if (clear == "null")
    {
        out.to.null();
        return;
    }
    const uuid* subject = row.subject(owner);
    if (!subject)
        throw std::logic_error("a personal member has a value but no subject: " + std::string{row.name});
    out.seal->seal(*subject, pointer_of(out.here), clear, out.to.value().text());
}

bool is_absent(const field_row& row, const void* value)
{
    return row.type->what == kind::patch && row.type->reach->count(value) == 0;
}
}  // namespace

void write_rows(writer& out, const record_type& type, const void* from, std::string_view tag)
{
    out.to.begin_object();
    if (!tag.empty())
        out.to.member(tag, type.name);
    for (const field_row& row : type)
    {
        const void* value = row.member(const_cast<void*>(from));
        if (is_absent(row, value))
            continue;
        const inside member{out, row.name};
        out.to.plain_key(row.name);
        if (out.redact && (row.secret || row.personal))
            out.to.string(mask);
        else if (row.subject && out.seal)
            write_sealed(out, row, from, value);
        else
            row.type->write(out, *row.type, row, value);
    }
    out.to.end_object();
}

void write_json(const record_type& type, const void* value, std::string& out, sealer* seal)
{
    writer to{out, seal};
    write_rows(to, type, value);
}

void write_redacted(const record_type& type, const void* value, std::string& out)
{
    writer to{out, nullptr, true};
    write_rows(to, type, value);
}

namespace
{
void write_sorted(json_writer& out, const json::node& given);

void write_sorted_members(json_writer& out, const json::node& object)
{
    std::vector<std::pair<std::string_view, json::node>> sorted;
    for (json::members walk{object}; walk.next();)
        sorted.emplace_back(walk.key, walk.value);
    std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first < b.first; });

    out.begin_object();
    for (const auto& [key, value] : sorted)
        write_sorted(out.key(key), value);
    out.end_object();
}

void write_sorted(json_writer& out, const json::node& given)
{
    switch (json::type_of(given))
    {
    case json::node_type::object:
        write_sorted_members(out, given);
        break;
    case json::node_type::array:
        out.begin_array();
        for (json::elements walk{given}; walk.next();)
            write_sorted(out, walk.value);
        out.end_array();
        break;
    case json::node_type::text:
        out.string(json::text_of(given));
        break;
    case json::node_type::integer:
        out.integer(json::integer_of(given));
        break;
    case json::node_type::fraction:
        out.number(json::fraction_of(given));
        break;
    case json::node_type::boolean:
        out.boolean(json::boolean_of(given));
        break;
    case json::node_type::null:
        out.null();
        break;
    }
}
}  // namespace

std::string canonical_json(std::string_view text)
{
    json::document document;
    if (!document.parse(text))
        return std::string{text};
    std::string out;
    out.reserve(text.size());
    json_writer to{out};
    write_sorted(to, document.root());
    return out;
}

std::string csv_header(const record_type& type)
{
    std::string out;
    for (const field_row& row : type)
        out.append(out.empty() ? "" : ",").append(row.name);
    return out + "\r\n";
}
}  // namespace schema
