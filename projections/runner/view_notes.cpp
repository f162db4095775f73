#include "projections/runner/view_notes.hpp"

#include <pqxx/pqxx>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

namespace projection
{
namespace
{
using schema::kind;

constexpr std::chrono::seconds write_deadline{30};
constexpr const char* tenant_note = "The organisation that it belongs to (org_… in the API).";

// What every item has, said once.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> shared{{
    {"version", "How many events the thing has had."},
    {"created_at", "When the thing came about, by the time at which it happened."},
    {"updated_at", "When its newest event happened."},
    {"archived_at", "When it was archived; null while it is not."},
}};

// "client_id" of a project: "Client of the project".
std::string subject_of(std::string_view name, std::string_view noun)
{
    std::string words{name};
    for (const std::string_view ending : {"_ids", "_id"})
        if (words.ends_with(ending))
        {
            words.erase(words.size() - ending.size());
            words += ending == "_ids" ? "s" : "";
        }
    std::ranges::replace(words, '_', ' ');
    if (!words.empty() && words.front() >= 'a' && words.front() <= 'z')
        words.front() = static_cast<char>(words.front() - 'a' + 'A');
    std::string owner{noun};
    std::ranges::replace(owner, '_', ' ');
    return words + " of the " + owner;
}

std::string form_of(const column& of)
{
    const auto& value = of.is_list ? *of.value->inner : *of.value;
    std::string form;
    if (value.what == kind::id)
        form = " (" + std::string{value.prefix} + "_… in the API)";
    if (value.what == kind::enumeration)
        for (std::size_t i = 0; i < value.count; ++i)
            form += (i == 0 ? ": " : i + 1 < value.count ? ", " : " or ") + std::string{value.names[i]};
    if (of.row->unit != nullptr)
        form += std::string{", in "} + of.row->unit;
    return form;
}

using notes = std::map<std::string, std::string>;  // by column

notes notes_now(pqxx::transaction_base& work, const std::string& table)
{
    notes found;
    for (const auto& row : work.exec("select attname, coalesce(col_description(attrelid, attnum), '') from pg_attribute"
                                     " where attrelid = " +
                                     work.quote(table) + "::regclass and attnum > 0 and not attisdropped"))
        found.emplace(row[0].as<std::string>(), row[1].as<std::string>());
    return found;
}

// The definition's own, and those of the versions that are shown or can be. A table that is being built is explained
// from its first moment on, and the making of its indexes would have to be waited for.
std::set<std::string> tables_of(pqxx::transaction_base& work, const definition& of)
{
    std::set<std::string> found{std::string{of.table}};
    for (const auto& row : work.exec_params("select rows_in from read.projection where projection = $1 and state in"
                                            " ('beside', 'live', 'former') and to_regclass(rows_in) is not null",
                                            std::string{of.name}))
        found.insert(row[0].as<std::string>());
    return found;
}

std::size_t write_notes(pqxx::transaction_base& work, const definition& of, const std::string& table)
{
    const auto now = notes_now(work, table);
    notes wanted{{"tenant_id", tenant_note}};
    for (const auto& each : columns_of(*of.record))
        wanted.emplace(each.name, note_of(each, of.name));
    std::size_t changed = 0;
    for (const auto& [name, note] : wanted)
        if (const auto held = now.find(name); held != now.end() && held->second != note)
        {
            work.exec("comment on column " + table + '.' + name + " is " + work.quote(note));
            ++changed;
        }
    if (changed > 0)
        work.exec("select read.copy_comments(name) from read.analyst_view where of_table::regclass = " +
                  work.quote(table) + "::regclass");
    return changed;
}
}  // namespace

std::string note_of(const column& of, std::string_view noun)
{
    if (of.row->note != nullptr && of.part == column_part::whole)
        return of.row->note + (of.row->unit == nullptr ? "" : std::string{" In "} + of.row->unit + '.');
    for (const auto& [name, note] : shared)
        if (of.name == name)
            return std::string{note};
    if (of.name == "id")
        return "The thing itself" + form_of(of) + '.';
    const std::string end = of.is_nullable ? "; null: unset." : ".";
    if (of.part == column_part::amount)
        return subject_of(of.row->name, noun) + ", in the currency's minor unit" + end;
    if (of.part == column_part::currency)
        return subject_of(of.row->name, noun) + ": its currency (ISO 4217)" + end;
    return subject_of(of.name, noun) + form_of(of) + end;
}

std::size_t write_view_notes(event_log::connection& over, std::span<const definition* const> definitions)
{
    const event_log::connection::deadline limit{over, write_deadline};
    pqxx::work work{over.raw()};
    work.exec("set local role clientflow_owner");
    std::size_t changed = 0;
    for (const definition* of : definitions)
        for (const auto& table : tables_of(work, *of))
            changed += write_notes(work, *of, table);
    work.commit();
    return changed;
}
}  // namespace projection
