// Writing a record: rows in order, personal members through the sealer, masked members for logs.
#include "schemas/json_copy.hpp"
#include "schemas/walk.hpp"

#include <stdexcept>

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

std::string canonical_json(std::string_view text)
{
    json::document document;
    if (!document.parse(text))
        return std::string{text};
    std::string out;
    out.reserve(text.size());
    json_writer to{out};
    write_node(to, document.root(), member_order::sorted);
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
