// Reading a record: members to rows, rows to codecs, and what is missing at the end.
#include "schemas/walk.hpp"

#include <stdexcept>

namespace schema
{
static_assert(record_type::rows_max <= 64, "rows that were seen are bits of one word");

void reader::refuse_at(const step* where, std::string_view code, std::string message)
{
    if (found_.size() < faults_max)
        found_.push_back({fault::place::pointer, fragment_pointer_of(where), code, std::move(message)});
}

namespace
{
// Members mostly come in the order of the rows: the search begins behind the last hit.
const field_row* find_row(const record_type& type, std::string_view name, std::size_t& hint)
{
    for (std::size_t tried = 0; tried < type.count; ++tried)
    {
        if (hint == type.count)
            hint = 0;
        const field_row& row = type.rows[hint++];
        if (row.name == name)
            return &row;
    }
    return nullptr;
}

void report_missing(reader& in, const record_type& type, std::uint64_t seen)
{
    for (std::size_t i = 0; i < type.count; ++i)
    {
        const field_row& row = type.rows[i];
        if (!row.required || (seen >> i & 1) || (in.strict && row.read_only))
            continue;
        const inside missing{in, row.name};
        in.refuse("required", "Must be given.");
    }
}
}  // namespace

void read_rows(reader& in, const record_type& type, const json::node& object, void* into, std::string_view tag)
{
    std::uint64_t seen = 0;
    std::size_t hint = 0;
    for (json::members walk{object}; walk.next();)
    {
        const field_row* row = find_row(type, walk.key, hint);
        if (!row && (!in.strict || (!tag.empty() && walk.key == tag)))
            continue;
        const inside member{in, walk.key};
        if (!row)
            in.refuse("unknown", "There is no such member.");
        else if (in.strict && row->read_only)
            in.refuse("read_only", "Is set by the server and cannot be sent.");
        else
            row->type->read(in, *row->type, walk.value, *row, row->member(into));
        if (row)
            seen |= std::uint64_t{1} << (row - type.begin());
    }
    report_missing(in, type, seen);
}

faults read_json(const record_type& type, void* into, std::string_view text, reading how, opener* open)
{
    json::document document;
    if (!document.parse(text))
        return {{fault::place::pointer, document.where(), "malformed", "Malformed JSON: " + document.problem() + '.'}};

    faults found;
    reader in{how, open, found};
    if (json::type_of(document.root()) != json::node_type::object)
        in.refuse("mistyped", "Must be an object.");
    else
        read_rows(in, type, document.root(), into);
    return found;
}

void read_stored(const record_type& type, void* into, std::string_view data, opener* open)
{
    const faults found = read_json(type, into, data, reading::stored, open);
    if (found.empty())
        return;
    throw std::runtime_error("stored " + std::string{type.name} + " is unreadable at " + found.front().where + ": " +
                             std::string{found.front().code});
}
}  // namespace schema
