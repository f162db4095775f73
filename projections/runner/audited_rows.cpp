#include "projections/runner/audited_rows.hpp"

#include "projections/runner/around.hpp"
#include "projections/runner/columns.hpp"
#include "projections/runner/row_statements.hpp"
#include "schemas/assertion.hpp"
#include "schemas/row_codec.hpp"

#include <pqxx/pqxx>

#include <algorithm>

namespace projection
{
namespace
{
constexpr const char* event_columns = "e.seq, e.schema_version, e.version, e.event_id, e.stream_id, e.type, e.data,"
                                      " e.meta from es.event e where e.tenant_id = $1 and e.category = $2";

uuid uuid_of(const pqxx::field& from)
{
    const auto parsed = uuid::parse(std::string_view{from.c_str(), from.size()});
    CF_ASSERT(parsed.has_value());
    return *parsed;
}

std::string text_of(const pqxx::field& from) { return {from.c_str(), from.size()}; }

std::vector<recorded> events_in(const pqxx::result& found, const definition& of, const audit_bounds& where)
{
    std::vector<recorded> made;
    made.reserve(found.size());
    for (const auto& row : found)
    {
        recorded one;
        one.at = {where.lane, row[0].as<std::int64_t>()};
        one.schema_version = row[1].as<std::int32_t>();
        one.version = row[2].as<std::int64_t>();
        one.event_id = uuid_of(row[3]);
        one.stream = {where.tenant, std::string{of.category}, uuid_of(row[4])};
        one.type = text_of(row[5]);
        one.data = text_of(row[6]);
        one.meta = text_of(row[7]);
        made.push_back(std::move(one));
    }
    return made;
}

std::vector<recorded> events_of(pqxx::transaction_base& in, const definition& of, const audit_bounds& where,
                                const uuid& stream, std::int64_t up_to)
{
    return events_in(in.exec_params(std::string{"select "} + event_columns +
                                        " and e.stream_id = $3 and e.seq <= $4 order by e.version",
                                    where.tenant.text(), std::string{of.category}, stream.text(), up_to),
                     of, where);
}

// The events of as many whole streams as there is room for. `last`: the stream that the room ended at.
std::vector<recorded> events_behind(pqxx::transaction_base& in, const definition& of, const audit_bounds& where,
                                    std::int64_t up_to, std::optional<uuid>& last)
{
    auto found = events_in(in.exec_params(std::string{"select "} + event_columns +
                                              " and e.stream_id > $3 and e.seq <= $4"
                                              " order by e.stream_id, e.version limit $5",
                                          where.tenant.text(), std::string{of.category}, where.after.text(), up_to,
                                          where.events_max),
                           of, where);
    if (found.size() < where.events_max)
        return found;
    const auto cut = found.back().stream.id;
    if (found.front().stream.id == cut)
        found = events_of(in, of, where, cut, up_to);
    else
        std::erase_if(found, [&](const recorded& each) { return each.stream.id == cut; });
    last = found.back().stream.id;
    return found;
}

std::string stored_bytes(const definition& of, std::span<const column> columns, const pqxx::row& row, std::size_t from,
                         std::shared_ptr<void>& held)
{
    std::vector<cell> cells(columns.size());
    for (std::size_t i = 0; i < cells.size(); ++i)
    {
        const auto field = row[static_cast<pqxx::row::size_type>(i + from)];
        cells[i] = field.is_null() ? cell{} : cell{std::string_view{field.c_str(), field.size()}};
    }
    held = of.make();
    read_cells(columns, cells, held.get());
    std::string bytes;
    encode_row(*of.record, held.get(), bytes);
    return bytes;
}

// The words of rows behind `after`, up to `last`; nothing: to the tenant's end.
void read_terms(pqxx::transaction_base& in, const definition& of, const audit_bounds& where,
                const std::optional<uuid>& last, audited_slice& into)
{
    if (of.find_by == nullptr)
        return;
    for (const auto& row :
         in.exec_params("select id, term, place, (extract(epoch from created_at) * 1000000)::bigint"
                        " from read.search_term where tenant_id = $1 and projection = $2 and version = $3 and id > $4"
                        " and ($5 or id <= $6) order by id, term",
                        where.tenant.text(), std::string{of.name}, of.version, where.after.text(), !last,
                        last.value_or(where.after).text()))
        into.terms[uuid_of(row[0])].push_back(
            {text_of(row[1]), static_cast<term_place>(row[2].as<std::int16_t>()), {row[3].as<std::int64_t>()}});
}

void read_stopped(pqxx::transaction_base& in, const definition& of, audited_slice& into, const uuid& tenant)
{
    for (const auto& row :
         in.exec_params("select key, from_seq from read.parked where tenant_id = $1 and projection = $2"
                        " and version = $3",
                        tenant.text(), std::string{of.name}, of.version))
        into.stopped.emplace(uuid_of(row[0]), row[1].as<std::int64_t>());
}
}  // namespace

audit_link::audit_link(row_store_config config) : config_(std::move(config)) {}
audit_link::~audit_link() = default;

void audit_link::open()
{
    auto how = config_.connection;
    how.application_name = "clientflow audit";
    for (const char* other : {"enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "jit"})
        how.settings.emplace_back(other, "off");
    link_.reset();
    try
    {
        link_ = std::make_unique<event_log::connection>(how, config_.watchdog);
    }
    catch (const std::runtime_error& fault)
    {
        throw store_failed(fault.what(), false);
    }
}

bool audit_link::is_open() const { return link_ && !link_->lost(); }

void audit_link::run(const std::function<void(pqxx::connection_base&)>& work)
{
    if (!is_open())
        open();
    const event_log::connection::deadline limit{*link_, config_.call_deadline};
    try
    {
        work(link_->raw());
    }
    catch (const pqxx::failure& fault)
    {
        const auto meaning = event_log::understand(fault, *link_);
        if (meaning.sqlstate == "CFP01" || meaning.sqlstate == "23505")
            throw lost_race("a lane has another owner");
        if (meaning.kind == event_log::failure_kind::lost)
            link_->give_up();
        throw store_failed(meaning.message, meaning.kind == event_log::failure_kind::refused);
    }
}

void as_application(pqxx::transaction_base& in) { in.exec("set local role none"); }
void as_projector(pqxx::transaction_base& in) { in.exec("set local role clientflow_projector"); }

checkpoint position_of(pqxx::transaction_base& in, const definition& of, std::int32_t lane)
{
    checkpoint at;
    at.of = &of;
    at.lane = lane;
    for (const auto& row : in.exec_params("select step, seq, generation, incarnation, event_id from read.checkpoint"
                                          " where projection = $1 and version = $2 and lane = $3"
                                          " order by step desc limit 1",
                                          std::string{of.name}, of.version, lane))
    {
        at.step = row[0].as<std::int64_t>();
        at.seq = row[1].as<std::int64_t>();
        at.generation = row[2].as<std::int64_t>();
        at.incarnation = text_of(row[3]);
        at.event_id = row[4].is_null() ? uuid{} : uuid_of(row[4]);
    }
    return at;
}

audited_slice read_slice(pqxx::transaction_base& in, const definition& of, const audit_bounds& where)
{
    audited_slice made;
    as_application(in);
    made.at = position_of(in, of, where.lane);
    made.events = events_behind(in, of, where, made.at.seq, made.next);

    as_projector(in);
    read_stopped(in, of, made, where.tenant);
    const auto columns = columns_of(*of.record);
    std::shared_ptr<void> held;
    const auto found = in.exec_params("select t.id, " + names(columns, "t.") + " from " + std::string{of.table} +
                                          " t where t.tenant_id = $1 and t.id > $2 and ($3 or t.id <= $4)"
                                          " order by t.id limit $5",
                                      where.tenant.text(), where.after.text(), !made.next,
                                      made.next.value_or(where.after).text(), where.rows_max);
    for (const auto& row : found)
        made.rows.emplace(uuid_of(row[0]), stored_bytes(of, columns, row, 1, held));
    if (found.size() == where.rows_max)  // there may be more of them than there was room for
    {
        made.next = made.rows.rbegin()->first;
        std::erase_if(made.events, [&](const recorded& each) { return *made.next < each.stream.id; });
    }
    read_terms(in, of, where, made.next, made);
    return made;
}

audited_slice read_streams(pqxx::transaction_base& in, const definition& of, const audit_bounds& where,
                           const std::vector<uuid>& streams)
{
    audited_slice made;
    as_application(in);
    made.at = position_of(in, of, where.lane);
    for (const auto& stream : streams)
        for (auto& each : events_of(in, of, where, stream, made.at.seq))
            made.events.push_back(std::move(each));
    as_projector(in);
    read_stopped(in, of, made, where.tenant);
    return made;
}

std::optional<std::map<uuid, wanted_row>> fold_anew(const definition& of, const audited_slice& seen,
                                                    const opening& open)
{
    const definition* const one = &of;
    folding batch{{&one, 1}};
    std::map<uuid, wanted_row> made;
    for (const auto& each : seen.events)
    {
        if (of.key_of(each) != row_key{each.stream.tenant, each.stream.id})
            return std::nullopt;
        made[each.stream.id].last_seq = each.at.seq;
        batch.add(
            each, [](const definition&, std::int32_t) { return std::int64_t{0}; },
            [&](const definition&, const row_key& key) {
                const auto stopped = seen.stopped.find(key.id);
                return stopped != seen.stopped.end() && stopped->second <= each.at.seq;
            });
    }
    batch.fold(open);
    for (row_slot* slot : batch.wanted())
    {
        made[slot->key.id].bytes = std::move(slot->after);
        made[slot->key.id].row = std::move(slot->row);
    }
    return made;
}

std::optional<uuid> hole_in(const std::vector<recorded>& events)
{
    std::int64_t expected = 0;
    for (std::size_t i = 0; i < events.size(); ++i)
    {
        const bool is_first = i == 0 || events[i].stream.id != events[i - 1].stream.id;
        expected = is_first ? 1 : expected + 1;
        if (events[i].version != expected)
            return events[i].stream.id;
    }
    return std::nullopt;
}

totals_of_tenant totals_from_rows(pqxx::transaction_base& in, const definition& of, const uuid& tenant,
                                  std::size_t page_rows)
{
    as_projector(in);
    totals_of_tenant made;
    const auto columns = columns_of(*of.record);
    const auto statement = "select t.id, " + names(columns, "t.") + " from " + std::string{of.table} +
                           " t where t.tenant_id = $1 and t.id > $2 order by t.id limit $3";
    std::vector<share> shares;
    for (uuid after{};;)
    {
        const auto page = in.exec_params(statement, tenant.text(), after.text(), page_rows);
        for (const auto& row : page)
        {
            std::shared_ptr<void> held;
            stored_bytes(of, columns, row, 1, held);
            shares.clear();
            of.shares(held.get(), shares);
            for (const auto& each : shares)
                add(made[{std::string{each.counter}, each.bucket}], each.amount);
        }
        if (page.size() < page_rows)
            break;
        after = uuid_of(page.back()[0]);
    }
    std::erase_if(made, [](const auto& each) { return each.second == 0; });
    return made;
}

totals_of_tenant stored_totals(pqxx::transaction_base& in, const definition& of, const uuid& tenant)
{
    as_projector(in);
    totals_of_tenant found;
    for (const auto& row : in.exec_params("select distinct on (counter, bucket) counter, bucket, value from read.sum"
                                          " where tenant_id = $1 and version = $2 and counter like $3"
                                          " order by counter, bucket, seq desc",
                                          tenant.text(), of.version, std::string{of.name} + ".%"))
        found[{text_of(row[0]), text_of(row[1])}] = row[2].as<std::int64_t>();
    return found;
}
}  // namespace projection
