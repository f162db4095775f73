#include "projections/runner/lane_copy.hpp"

#include "events/log/binary_copy.hpp"
#include "events/log/wire.hpp"
#include "projections/runner/binary_columns.hpp"
#include "projections/runner/columns.hpp"
#include "projections/runner/row_connection.hpp"
#include "projections/runner/row_statements.hpp"
#include "projections/runner/terms.hpp"
#include "schemas/assertion.hpp"
#include "schemas/fault_point.hpp"
#include "schemas/row_codec.hpp"

#include <pqxx/pqxx>

#include <algorithm>
#include <chrono>

namespace projection
{
namespace
{
using pqxx::prepare::make_dynamic_params;

constexpr std::size_t totals_per_statement = 5'000, lines_per_deadline = 1'000;
constexpr std::chrono::hours patience{6};
}  // namespace

row_store_config patient(row_store_config config)
{
    config.call_deadline = patience;
    return config;
}

struct lane_copy::implementation : row_connection
{
    implementation(row_store_config given, std::span<const definition* const> definitions)
        : row_connection(patient(given), "clientflow rebuild"), page_deadline(given.call_deadline)
    {
        for (const definition* of : definitions)
            tables.emplace_back(*of);
    }

    const table& table_of(const definition& of) const
    {
        const auto found = std::ranges::find(tables, &of, &table::of);
        CF_ASSERT(found != tables.end());
        return *found;
    }

    static std::vector<std::string> column_names(const table& into)
    {
        std::vector<std::string> all{"tenant_id"};
        for (const auto& each : into.columns)
            all.push_back(each.name);
        return all;
    }

    std::uint64_t copy_rows(const definition& of, const row_pages& next)
    {
        const table& into = table_of(of);
        event_log::binary_copy out{held(), of.table, column_names(into)};
        std::string fields;
        for (auto page = next(); !page.empty(); page = next())
        {
            const event_log::connection::deadline limit{held(), page_deadline};
            for (const auto& row : page)
            {
                const auto made = decode(of, row.bytes);
                fields.clear();
                event_log::wire::fields{fields}.uuid(row.key.tenant);
                for (const auto& each : into.columns)
                    append_binary(each, made.get(), fields);
                out.row(fields);
            }
        }
        return out.finish();
    }

    // Those that were made for it already.
    std::uint64_t copy_lines(const definition& of, const line_spool& lines)
    {
        event_log::binary_copy out{held(), of.table, column_names(table_of(of))};
        line_spool::reading from{lines};
        std::string_view fields;
        for (bool is_more = true; is_more;)
        {
            const event_log::connection::deadline limit{held(), page_deadline};
            for (std::size_t i = 0; i < lines_per_deadline && (is_more = from.next(fields)); ++i)
                out.row(fields);
        }
        return out.finish();
    }

    // The words of the same rows.
    void copy_terms(const definition& of, const row_pages& next)
    {
        if (of.find_by == nullptr)
            return;
        const std::vector<std::string> names{"tenant_id", "projection", "version", "id", "term", "place", "created_at"};
        event_log::binary_copy out{held(), term_table(of), names};
        std::string fields;
        for (auto page = next(); !page.empty(); page = next())
        {
            const event_log::connection::deadline limit{held(), page_deadline};
            for (const auto& row : page)
                for (const auto& each : terms_of(of, decode(of, row.bytes).get()))
                {
                    fields.clear();
                    event_log::wire::fields into{fields};
                    into.uuid(row.key.tenant).text(of.name).int4(of.version).uuid(row.key.id).text(each.word);
                    into.int2(static_cast<std::int16_t>(each.place)).timestamptz(each.created_at);
                    out.row(fields);
                }
        }
        out.finish();
    }

    void add_totals(pqxx::transaction_base& work, std::span<const std::pair<total_key, std::int64_t>> totals,
                    std::int64_t seq)
    {
        arrays all{7};
        for (const auto& [key, value] : totals)
            all.next()
                .id(key.tenant)
                .text(key.counter)
                .number(key.version)
                .text(key.bucket)
                .number(0)
                .number(seq)
                .number(value);
        work.exec_params("select read.replace_sums($1, $2, $3, $4, $5, $6, $7)", make_dynamic_params(all.finish()));
    }

    // The SQLSTATE with which the database refuses these rows; nothing when it would take them.
    std::optional<std::string> refusal_of(const definition& of, std::span<const copied_row> rows)
    {
        try
        {
            return call([&](pqxx::connection_base& raw) -> std::optional<std::string> {
                pqxx::work work{raw};
                bool is_first = true;
                copy_rows(of, [&] {
                    return std::exchange(is_first, false) ? std::vector<copied_row>(rows.begin(), rows.end())
                                                          : std::vector<copied_row>{};
                });
                work.abort();
                return std::nullopt;
            });
        }
        catch (const store_failed& fault)
        {
            if (!fault.by_data)
                throw;
            return fault.sqlstate;
        }
    }

    void find_refused(const definition& of, std::span<const copied_row> rows,
                      std::vector<std::pair<row_key, std::string>>& found)
    {
        const auto refusal = rows.empty() ? std::nullopt : refusal_of(of, rows);
        if (!refusal)
            return;
        if (rows.size() == 1)
        {
            found.emplace_back(rows.front().key, *refusal);
            return;
        }
        find_refused(of, rows.first(rows.size() / 2), found);
        find_refused(of, rows.subspan(rows.size() / 2), found);
    }

    const std::chrono::milliseconds page_deadline;  // a COPY takes as long as it takes, each page of it that long
    std::vector<table> tables;
};

lane_copy::lane_copy(row_store_config config, std::span<const definition* const> definitions)
    : self_(std::make_unique<implementation>(std::move(config), definitions))
{}
lane_copy::~lane_copy() = default;

void lane_copy::open() { self_->open(); }

std::uint64_t lane_copy::write(const copied_lane& lane)
{
    const auto rows = self_->call([&](pqxx::connection_base& raw) {
        pqxx::work work{raw};
        work.exec_params(advance_steps, make_dynamic_params(arrays_of(std::span{&lane.step, 1})));
        const definition& of = *lane.rows.of;
        CF_ASSERT(lane.lines == nullptr || of.find_by == nullptr);  // words are made of folded rows
        const auto written =
            lane.lines != nullptr ? self_->copy_lines(of, *lane.lines) : self_->copy_rows(of, lane.rows.from_first());
        self_->copy_terms(of, lane.rows.from_first());
        const std::span all{lane.totals};
        for (std::size_t at = 0; at < all.size(); at += totals_per_statement)
            self_->add_totals(work, all.subspan(at, std::min(totals_per_statement, all.size() - at)),
                              std::max<std::int64_t>(lane.step.seq, 1));
        if (!lane.parked.empty())
            work.exec_params(insert_parked, make_dynamic_params(arrays_of(std::span<const parked_key>{lane.parked})));
        FAULT_POINT("rebuild.before_commit");
        work.commit();
        return written;
    });
    FAULT_POINT("rebuild.after_commit");
    return rows;
}

bool lane_copy::is_written(const definition& of, std::int32_t lane)
{
    return self_->call([&](pqxx::connection_base& raw) {
        pqxx::nontransaction work{raw};
        return !work.exec_params("select from read.checkpoint where projection = $1 and version = $2 and lane = $3"
                                 " limit 1",
                                 std::string{of.name}, of.version, lane)
                    .empty();
    });
}

std::vector<std::pair<row_key, std::string>> lane_copy::refused(const lane_rows& of)
{
    std::vector<std::pair<row_key, std::string>> found;
    const auto next = of.from_first();
    for (auto page = next(); !page.empty(); page = next())
        self_->find_refused(*of.of, page, found);
    return found;
}
}  // namespace projection
