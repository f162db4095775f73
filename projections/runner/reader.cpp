#include "projections/runner/reader.hpp"

#include "events/log/store.hpp"
#include "schemas/assertion.hpp"

#include <pqxx/pqxx>

#include <charconv>
#include <map>

namespace projection
{
namespace
{
cell cell_of(const pqxx::field& field)
{
    if (const auto size = field.size(); size > 0)
        return std::string_view{field.c_str(), size};
    return field.is_null() ? cell{} : cell{std::string_view{}};
}

// "lane/seq/incarnation", and "/parked" behind it when it is so
shown parse_shown(const pqxx::field& field)
{
    shown made;
    if (field.is_null())
        return made;
    const std::string_view text{field.c_str(), field.size()};
    const auto first = text.find('/'), second = text.find('/', first + 1);
    CF_ASSERT(second != std::string_view::npos);
    std::from_chars(text.data(), text.data() + first, made.at.lane);
    std::from_chars(text.data() + first + 1, text.data() + second, made.at.seq);
    const auto third = text.find('/', second + 1);
    made.incarnation = text.substr(second + 1, third == std::string_view::npos ? third : third - second - 1);
    made.has_parked = third != std::string_view::npos;
    return made;
}

std::string names_of(std::span<const definition* const> all)
{
    std::string names{"{"};
    for (const definition* of : all)
        names.append(names.size() > 1 ? "," : "").append(of->name);
    return names + '}';
}

std::string result_columns(const std::vector<column>& columns)
{
    std::string made{"shown text"};
    for (const auto& each : columns)
        made.append(", ").append(each.name).append(" ").append(each.sql_type);
    return made;
}

std::string result_texts(std::size_t count)
{
    std::string made{"shown text"};
    for (std::size_t i = 0; i < count; ++i)
        made.append(", c").append(std::to_string(i)).append(" text");
    return made;
}

// What stands after the position. By iterators: each field made by index counts the result's owners once more.
void cells_of(const pqxx::row& row, std::vector<cell>& into)
{
    into.clear();
    auto field = row.begin();
    for (const auto end = row.end(); ++field != end;)
        into.push_back(cell_of(field));
}

// The first column after the position is null only in the row that says there are none.
std::size_t count_of(const pqxx::result& rows)
{
    CF_ASSERT(!rows.empty());
    return rows[0][1].is_null() ? 0 : rows.size();
}
}  // namespace

struct reader::implementation
{
    explicit implementation(reader_config given) : config(std::move(given))
    {
        CF_ASSERT(config.cursor_secret.size() >= 32);
        // A page is over before workers or a compiler would have begun.
        config.connection.settings.emplace_back("max_parallel_workers_per_gather", "0");
        config.connection.settings.emplace_back("jit", "off");
        config.connection.application_name = "clientflow query";
    }

    void open()
    {
        if (used && !used->lost())
            return;
        used.reset();
        prepared.clear();
        used = std::make_unique<event_log::connection>(config.connection, config.watchdog);
    }

    pqxx::result run(const std::string& columns, const uuid& tenant, std::span<const definition* const> of,
                     const statement& asked)
    {
        try
        {
            open();
            const event_log::connection::deadline limit{*used, config.call_deadline};
            const auto [known, is_new] = prepared.try_emplace(columns, "read " + std::to_string(prepared.size()));
            if (is_new)
                used->raw().prepare(known->second, "select * from read.ask($1, $2, $3, $4, $5) as t (" + columns + ")");
            pqxx::nontransaction work{used->raw()};
            return work.exec_prepared(known->second, tenant.text(), names_of(of), asked.body, asked.nothing,
                                      array_literal(asked.arguments));
        }
        catch (const event_log::unreachable& fault)
        {
            throw read_failed(fault.what(), false);
        }
        catch (const pqxx::failure& fault)
        {
            const auto meaning = event_log::understand(fault, *used);
            if (meaning.kind == event_log::failure_kind::lost)
                used->give_up();
            throw read_failed(meaning.message, meaning.sqlstate == "57014");
        }
    }

    reader_config config;
    std::unique_ptr<event_log::connection> used;
    std::map<std::string, std::string> prepared;  // columns to the statement's name
};

reader::reader(reader_config config) : self_(std::make_unique<implementation>(std::move(config))) {}
reader::~reader() = default;

const std::string& reader::cursor_secret() const { return self_->config.cursor_secret; }

page reader::list(const list_shape& shape, const list_place& place, const list_ask& ask, std::optional<under> parent)
{
    const auto rows =
        self_->run(result_columns(shape.columns), place.tenant, {&shape.of, 1}, list_statement(shape, ask, parent));
    const std::size_t found = count_of(rows);
    page made;
    made.as_of = parse_shown(rows[0][0]);
    made.count = std::min<std::size_t>(found, static_cast<std::size_t>(ask.limit));
    made.data.reserve(made.count * 512 + 2);
    made.data.push_back('[');
    std::vector<cell> cells;
    const auto take = [&](std::size_t nth) {
        const std::size_t at = ask.goes_back() ? made.count - 1 - nth : nth;
        cells_of(rows[static_cast<pqxx::result::size_type>(at)], cells);
    };
    const auto cursor = [&](bool is_before) {
        const auto at = [&](std::string_view name) {
            return cells[static_cast<std::size_t>(shape.column_named(name) - shape.columns.data())];
        };
        const auto id = uuid::parse(at("id").value());
        CF_ASSERT(id.has_value());
        return cursor_from(ask, place, {seek_value(ask, at(ask.sort->name)), *id, is_before}, cursor_secret());
    };
    const bool has_more = found > made.count;
    for (std::size_t i = 0; i < made.count; ++i)
    {
        take(i);
        if (i > 0)
            made.data.push_back(',');
        append_json(shape.columns, cells, made.data);
        if (i == 0 && (ask.goes_back() ? has_more : ask.beside || ask.offset > 0))
            made.prev_cursor = cursor(true);
        if (i + 1 == made.count && (ask.goes_back() || has_more))
            made.next_cursor = cursor(false);
    }
    made.data.push_back(']');
    return made;
}

item reader::get(const list_shape& shape, const uuid& tenant, const uuid& id, std::optional<under> parent)
{
    const auto rows =
        self_->run(result_columns(shape.columns), tenant, {&shape.of, 1}, get_statement(shape, id, parent));
    item made;
    made.as_of = parse_shown(rows[0][0]);
    if (count_of(rows) > 0)
    {
        std::vector<cell> cells;
        cells_of(rows[0], cells);
        append_json(shape.columns, cells, made.data.emplace());
    }
    return made;
}

answer reader::ask(const uuid& tenant, std::span<const definition* const> of, const statement& asked,
                   std::size_t columns)
{
    const auto rows = self_->run(result_texts(columns), tenant, of, asked);
    answer made;
    made.as_of = parse_shown(rows[0][0]);
    std::vector<cell> cells;
    for (std::size_t i = 0, count = count_of(rows); i < count; ++i)
    {
        cells_of(rows[static_cast<pqxx::result::size_type>(i)], cells);
        auto& row = made.rows.emplace_back();
        for (const auto& each : cells)
            row.push_back(each ? std::optional{std::string{*each}} : std::nullopt);
    }
    return made;
}
}  // namespace projection
