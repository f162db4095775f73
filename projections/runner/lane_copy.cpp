#include "projections/runner/lane_copy.hpp"

#include "projections/runner/columns.hpp"
#include "projections/runner/row_connection.hpp"
#include "projections/runner/row_statements.hpp"
#include "projections/runner/terms.hpp"
#include "schemas/assertion.hpp"
#include "schemas/fault_point.hpp"
#include "schemas/row_codec.hpp"

#include <pqxx/pqxx>
#include <pqxx/tablewriter>

#include <algorithm>
#include <chrono>

namespace projection
{
namespace
{
using pqxx::prepare::make_dynamic_params;

constexpr std::size_t totals_per_statement = 5'000;
// One COPY of a lane takes as long as it takes; each page of it stands under the store's own deadline.
constexpr std::chrono::hours lane_deadline{6};

row_store_config patient(row_store_config config)
{
    config.call_deadline = lane_deadline;
    return config;
}

// COPY's text form (PostgreSQL manual, "COPY", text format). UTF-8 has no byte of these within a character.
void append_escaped(std::string& line, std::string_view text)
{
    for (const char c : text)
        switch (c)
        {
        case '\\':
            line.append("\\\\");
            break;
        case '\n':
            line.append("\\n");
            break;
        case '\r':
            line.append("\\r");
            break;
        case '\t':
            line.append("\\t");
            break;
        default:
            line.push_back(c);
        }
}

// One row as a line of COPY, without its end.
class lines
{
public:
    explicit lines(std::span<const column> columns) : columns_(columns) {}

    const std::string& of(const definition& made_by, const copied_row& row)
    {
        const auto held = decode(made_by, row.bytes);
        line_ = row.key.tenant.text();
        for (const auto& each : columns_)
        {
            line_.push_back('\t');
            value_.clear();
            if (append_plain(each, held.get(), value_))
                append_escaped(line_, value_);
            else
                line_.append("\\N");
        }
        return line_;
    }

private:
    std::span<const column> columns_;
    std::string line_, value_;
};
}  // namespace

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

    // Answers the lines written; `lines_of` hands a row's lines to what it is given.
    template <class LinesOf>
    std::uint64_t copy(pqxx::transaction_base& work, const std::string& into, const std::vector<std::string>& names,
                       const row_pages& next, LinesOf lines_of)
    {
// libpqxx 6 takes raw lines only through this class, which it calls deprecated for its own escaping; ours is used.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
        pqxx::tablewriter out{work, into, names.begin(), names.end()};
        std::uint64_t written = 0;
        for (auto page = next(); !page.empty(); page = next())
        {
            const event_log::connection::deadline limit{held(), page_deadline};
            for (const auto& row : page)
                lines_of(row, [&](const std::string& line) {
                    out.write_raw_line(line);
                    ++written;
                });
        }
        out.complete();
#pragma GCC diagnostic pop
        return written;
    }

    std::uint64_t copy_rows(pqxx::transaction_base& work, const definition& of, const row_pages& next)
    {
        const table& into = table_of(of);
        lines as_lines{into.columns};
        return copy(work, std::string{of.table}, column_names(into), next,
                    [&](const copied_row& row, auto take) { take(as_lines.of(of, row)); });
    }

    // The words of the same rows.
    void copy_terms(pqxx::transaction_base& work, const definition& of, const row_pages& next)
    {
        if (of.find_by == nullptr)
            return;
        const std::vector<std::string> names{"tenant_id", "projection", "version", "id", "term", "place", "created_at"};
        std::string line;
        copy(work, term_table(of), names, next, [&](const copied_row& row, auto take) {
            const std::string begins = row.key.tenant.text() + '\t' + std::string{of.name} + '\t' +
                                       std::to_string(of.version) + '\t' + row.key.id.text() + '\t';
            for (const auto& each : terms_of(of, decode(of, row.bytes).get()))
            {
                line = begins;
                append_escaped(line, each.word);
                line.append("\t").append(std::to_string(static_cast<std::int16_t>(each.place)));
                line.append("\t").append(each.created_at.text());
                take(line);
            }
        });
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
                copy_rows(work, of, [&] {
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

    const std::chrono::milliseconds page_deadline;
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
        const auto written = self_->copy_rows(work, *lane.rows.of, lane.rows.from_first());
        self_->copy_terms(work, *lane.rows.of, lane.rows.from_first());
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
