#include "projections/runner/reader.hpp"

#include "events/log/binary_rows.hpp"
#include "events/log/store.hpp"
#include "events/log/wire.hpp"
#include "projections/runner/binary_columns.hpp"
#include "schemas/assertion.hpp"

#include <pqxx/pqxx>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <utility>

namespace projection
{
namespace
{
// "lane/seq/incarnation", and "/parked" behind it when it is so; a version and a space may stand before.
shown parse_shown(std::string_view text)
{
    shown made;
    text.remove_prefix(text.find(' ') + 1);  // npos + 1: nothing
    if (text.empty())
        return made;
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

using event_log::binary_rows;

shown shown_in(const binary_rows& rows) { return parse_shown(rows.at(0, 0).value_or("")); }

// What stands after the position.
void cells_of(const binary_rows& rows, std::size_t row, std::vector<cell>& into)
{
    into.clear();
    for (std::size_t i = 1, columns = rows.columns(); i < columns; ++i)
        into.push_back(rows.at(row, i));
}

constexpr std::string_view undefined_table = "42P01";
constexpr std::size_t pages_prepared_max = 64;  // of one session; a plan takes PostgreSQL some 50 KiB
constexpr int live_looks_max = 2;               // at a read model's live version for one page, before read.ask does it

// Before the statement of a page, whose own parameters follow: $1 is the tenant, $2 the read model; {version} is the
// one whose rows are read, that "task_v2" of. The place is "version lane/seq/incarnation", with "/parked" behind it
// when a key of the tenant is stopped, and its version is the one that is live. It is looked up first, in the same
// snapshot as the rows, once the source that everything else hangs on has set the tenant.
constexpr const char* before_page = R"(
    with here as materialized (select set_config('app.tenant', $1::uuid::text, true))
    select x.place, page.*
      from (select concat((select coalesce(max(p.version), 1) from read.projection p
                            where p.projection = $2::text and p.state = 'live'), ' ',
                          (select home.lane
                                  || coalesce((select '/' || c.seq || '/' || c.incarnation from read.checkpoint c
                                                where c.projection = $2::text and c.version = {version}
                                                  and c.lane = home.lane
                                                order by c.step desc
                                                limit 1), '/0/')
                                  || case when exists (select from read.parked stopped
                                                        where stopped.tenant_id = $1::uuid
                                                          and stopped.projection = $2::text
                                                          and stopped.version = {version}
                                                          and stopped.discarded_at is null) then '/parked' else '' end
                             from es.tenant home
                            where home.tenant_id = $1::uuid)) as place
              from here
            offset 0) as x
      left join lateral ()";
constexpr const char* behind_page = ") as page on true";

constexpr const char* find_live_version = R"(
    select coalesce(max(p.version), 1), coalesce(max(p.rows_in), 'read.' || $1)
      from read.projection p
     where p.projection = $1 and p.state = 'live')";

void replace_all(std::string& text, std::string_view what, std::string_view with)
{
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
        text.replace(at, what.size(), with);
}

// Pages and single rows of one session, each kind of question prepared once, on the version that was live when it was
// first asked. A plan does not depend on who asks: row security compares with a value that the planner does not know,
// and with sorting made dear the session reads along the index of the order.
class prepared_pages
{
public:
    explicit prepared_pages(event_log::connection& session) : session_(session) {}

    // Nothing: the live version changes just now. Then read.ask has the answer.
    std::optional<binary_rows> run(const definition& of, const uuid& tenant, const statement& asked)
    {
        std::vector<std::string> arguments{tenant.text(), std::string{of.name}};
        arguments.insert(arguments.end(), asked.arguments.begin(), asked.arguments.end());
        for (int look = 0; look < live_looks_max; ++look)
            try
            {
                const auto& live = live_of(of);
                auto rows = event_log::ask_prepared(session_, name_of(of, live, asked.body), arguments);
                if (version_in(rows) == live.number)
                    return rows;
                forget();
            }
            catch (const pqxx::sql_error& refused)
            {
                if (refused.sqlstate() != undefined_table)  // of a version that was retired
                    throw;
                forget();
            }
        return std::nullopt;
    }

private:
    struct live_version
    {
        std::string number, rows_in;
    };
    struct page
    {
        std::string name;
        std::uint64_t asked_at = 0;
    };

    const live_version& live_of(const definition& of)
    {
        const auto known = live_.find(&of);
        if (known != live_.end())
            return known->second;
        pqxx::nontransaction work{session_.raw()};
        const auto found = work.exec_params1(find_live_version, std::string{of.name});
        return live_.emplace(&of, live_version{found[0].c_str(), found[1].c_str()}).first->second;
    }

    const std::string& name_of(const definition& of, const live_version& live, const std::string& body)
    {
        auto found = pages_.find(body);
        if (found == pages_.end())
            found = prepare(of, live, body);
        found->second.asked_at = ++asked_;
        return found->second.name;
    }

    std::map<std::string, page>::iterator prepare(const definition& of, const live_version& live,
                                                  const std::string& body)
    {
        if (pages_.size() >= pages_prepared_max)
        {
            const auto oldest =
                std::ranges::min_element(pages_, {}, [](const auto& each) { return each.second.asked_at; });
            event_log::unprepare(session_, oldest->second.name);
            pages_.erase(oldest);
        }
        auto rows = body;
        replace_all(rows, "{" + std::string{of.name} + "}", live.rows_in);
        const auto name = "page " + std::to_string(++made_);
        std::string place = before_page;
        replace_all(place, "{version}", live.number);
        event_log::prepare(session_, name, place + rows + behind_page);
        return pages_.emplace(body, page{name}).first;
    }

    static std::string_view version_in(const binary_rows& rows)
    {
        const auto place = rows.at(0, 0).value_or("");
        return place.substr(0, place.find(' '));
    }

    void forget()
    {
        live_.clear();
        for (const auto& [body, each] : std::exchange(pages_, {}))  // no name is used again, whatever happens here
            event_log::unprepare(session_, each.name);
    }

    event_log::connection& session_;
    std::map<const definition*, live_version> live_;
    std::map<std::string, page> pages_;  // by the statement's text
    std::uint64_t asked_ = 0, made_ = 0;
};

// The first column after the position is null only in the row that says there are none.
std::size_t count_of(const binary_rows& rows)
{
    CF_ASSERT(rows.size() > 0);
    return rows.at(0, 1) ? rows.size() : 0;
}
}  // namespace

struct reader::implementation
{
    explicit implementation(reader_config given) : config(std::move(given))
    {
        CF_ASSERT(config.cursor_secret.size() >= 32);
        config.connection.statement_timeout = config.call_deadline;
        // A page is over before workers or a compiler would have begun.
        config.connection.settings.emplace_back("max_parallel_workers_per_gather", "0");
        config.connection.settings.emplace_back("jit", "off");
        // For prepared pages alone: read.ask plans by its own settings.
        for (const auto& [name, value] : {std::pair{"plan_cache_mode", "force_generic_plan"},
                                          std::pair{"enable_sort", "off"}, std::pair{"enable_seqscan", "off"}})
            config.connection.settings.emplace_back(name, value);
        config.connection.application_name = "clientflow query";
    }

    void open()
    {
        if (used && !used->lost())
            return;
        pages.reset();
        used.reset();
        prepared.clear();
        used = std::make_unique<event_log::connection>(config.connection, config.watchdog);
    }

    // What `call` asks of an open session before the deadline. A session may have ended while nobody read by it: then
    // it is asked of the next one.
    template <class Call>
    auto within_deadline(Call call)
    {
        const bool is_used = used && !used->lost();
        const auto until = std::chrono::steady_clock::now() + config.call_deadline;
        try
        {
            return tried(call, until);
        }
        catch (const event_log::unreachable&)
        {
            if (!is_used || std::chrono::steady_clock::now() >= until)
                throw;
        }
        return tried(call, until);
    }

    template <class Call>
    auto tried(Call& call, std::chrono::steady_clock::time_point until)
    {
        open();
        try
        {
            const event_log::connection::deadline limit{*used, until};
            return call();
        }
        catch (const pqxx::failure& fault)
        {
            const auto meaning = event_log::understand(fault, *used);
            if (meaning.kind != event_log::failure_kind::lost)
                throw read_failed(meaning.message);
            used->give_up();
            throw event_log::unreachable(meaning.message);
        }
    }

    // Some rows with their position, or the one that says there are none.
    binary_rows run(const std::string& columns, const uuid& tenant, std::span<const definition* const> of,
                    const statement& asked)
    {
        return within_deadline([&] {
            auto known = prepared.find(columns);
            if (known == prepared.end())
            {
                const auto name = "read " + std::to_string(prepared.size());
                event_log::prepare(*used, name, "select * from read.ask($1, $2, $3, $4, $5) as t (" + columns + ")");
                known = prepared.emplace(columns, name).first;
            }
            const std::array<std::string, 5> arguments{tenant.text(), names_of(of), asked.body, asked.nothing,
                                                       array_literal(asked.arguments)};
            return event_log::ask_prepared(*used, known->second, arguments);
        });
    }

    // `asked_as` makes the statement for one way of planning it.
    template <class AskedAs>
    binary_rows page(const list_shape& shape, const uuid& tenant, AskedAs asked_as)
    {
        const statement asked = asked_as(planned::once_for_all);
        auto rows = within_deadline([&] {
            if (!pages)
                pages.emplace(*used);
            return pages->run(*shape.of, tenant, asked);
        });
        return rows ? *std::move(rows) : planned_anew(shape, tenant, asked_as(planned::for_values));
    }

    binary_rows planned_anew(const list_shape& shape, const uuid& tenant, const statement& asked)
    {
        return run(result_columns(shape.columns), tenant, {&shape.of, 1}, asked);
    }

    reader_config config;
    std::unique_ptr<event_log::connection> used;
    std::optional<prepared_pages> pages;          // of `used`
    std::map<std::string, std::string> prepared;  // columns to the statement's name
};

reader::reader(reader_config config) : self_(std::make_unique<implementation>(std::move(config))) {}
reader::~reader() = default;

const std::string& reader::cursor_secret() const { return self_->config.cursor_secret; }

page reader::list(const list_shape& shape, const list_place& place, const list_ask& ask, std::optional<under> parent)
{
    const auto asked_as = [&](planned how) { return list_statement(shape, ask, parent, how); };
    const auto rows = is_read_along_order(shape, ask)
                          ? self_->page(shape, place.tenant, asked_as)
                          : self_->planned_anew(shape, place.tenant, asked_as(planned::for_values));
    const std::size_t found = count_of(rows);
    page made;
    made.as_of = shown_in(rows);
    made.count = std::min<std::size_t>(found, static_cast<std::size_t>(ask.limit));
    made.data.reserve(made.count * 512 + 2);
    made.data.push_back('[');
    std::vector<cell> cells;
    const auto take = [&](std::size_t nth) {
        const std::size_t at = ask.goes_back() ? made.count - 1 - nth : nth;
        cells_of(rows, at, cells);
    };
    const auto cursor = [&](bool is_before) {
        const auto at = [&](const column* of) { return cells[static_cast<std::size_t>(of - shape.columns.data())]; };
        const column* id = shape.column_named("id");
        return cursor_from(ask, place,
                           {seek_value(ask, at(ask.sort)), event_log::wire::uuid_in(at(id).value()), is_before},
                           cursor_secret());
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
    const auto rows = self_->page(shape, tenant, [&](planned how) { return get_statement(shape, id, parent, how); });
    item made;
    made.as_of = shown_in(rows);
    if (count_of(rows) > 0)
    {
        std::vector<cell> cells;
        cells_of(rows, 0, cells);
        append_json(shape.columns, cells, made.data.emplace());
    }
    return made;
}

answer reader::ask(const uuid& tenant, std::span<const definition* const> of, const statement& asked,
                   std::size_t columns)
{
    const auto rows = self_->run(result_texts(columns), tenant, of, asked);
    answer made;
    made.as_of = shown_in(rows);
    std::vector<cell> cells;
    for (std::size_t i = 0, count = count_of(rows); i < count; ++i)
    {
        cells_of(rows, i, cells);
        auto& row = made.rows.emplace_back();
        for (const auto& each : cells)
            row.push_back(each ? std::optional{std::string{*each}} : std::nullopt);
    }
    return made;
}
}  // namespace projection
