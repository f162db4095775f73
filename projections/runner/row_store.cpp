// Runs the statements of row_statements.hpp, prepared once per connection.
#include "projections/runner/row_store.hpp"

#include "events/log/migrator.hpp"
#include "projections/runner/row_changes.hpp"
#include "projections/runner/row_connection.hpp"
#include "projections/runner/row_statements.hpp"
#include "schemas/assertion.hpp"
#include "schemas/fault_point.hpp"
#include "schemas/row_codec.hpp"

#include <pqxx/pqxx>

#include <algorithm>
#include <optional>
#include <unordered_map>

namespace projection
{
namespace
{
using pqxx::prepare::make_dynamic_params;

cell cell_of(const pqxx::field& field)
{
    return field.is_null() ? cell{} : cell{std::string_view{field.c_str(), field.size()}};
}

uuid uuid_of(const pqxx::field& field)
{
    const auto parsed =
        field.is_null() ? std::optional{uuid{}} : uuid::parse(std::string_view{field.c_str(), field.size()});
    CF_ASSERT(parsed.has_value());
    return *parsed;
}
}  // namespace

struct row_store::implementation : row_connection
{
    implementation(row_store_config given, std::span<const definition* const> definitions)
        : row_connection(std::move(given), "clientflow projector")
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

    void open()
    {
        row_connection::open();
        auto& raw = this->raw();
        raw.prepare("checkpoints", newest_checkpoints);
        raw.prepare("parked", parked_keys);
        raw.prepare("totals", newest_totals);
        raw.prepare("totals of lane", totals_of_lane);
        raw.prepare("terms of lane", terms_of_lane);
        changes.prepare(raw);
        for (const auto& each : tables)
            prepare(raw, each);
    }

    static void prepare(pqxx::connection_base& raw, const table& of)
    {
        if (of.of->kind == row_kind::appended)
        {
            raw.prepare(of.statement("differing"), of.differing());
            raw.prepare(of.statement("appended after"), of.appended_after());
            return;
        }
        raw.prepare(of.statement("load"), of.load());
        raw.prepare(of.statement("rows after"), of.rows_after());
    }

    // The definitions' names and versions as two arrays.
    std::vector<std::string> identities() const
    {
        arrays all{2};
        for (const auto& each : tables)
            all.next().text(each.of->name).number(each.of->version);
        return all.finish();
    }

    static std::string lane_array(std::span<const std::int32_t> lanes)
    {
        arrays all{1};
        for (const std::int32_t lane : lanes)
            all.next().number(lane);
        return all.finish().front();
    }

    // The SQLSTATE with which the database refuses these rows by their values; nothing when it would take them. In a
    // transaction that is never committed.
    std::optional<std::string> refusal_of(std::span<row_slot* const> rows)
    {
        return call([&](pqxx::connection_base& raw) -> std::optional<std::string> {
            try
            {
                pqxx::work work{raw};
                changes.upsert(work, rows);
                work.abort();
                return std::nullopt;
            }
            catch (const pqxx::failure& fault)
            {
                const auto meaning = event_log::understand(fault, held());
                if (meaning.kind != event_log::failure_kind::refused || !is_by_data(meaning.sqlstate))
                    throw;
                return meaning.sqlstate;
            }
        });
    }

    void find_refused(std::span<row_slot* const> rows, std::vector<std::pair<const row_slot*, std::string>>& found)
    {
        const auto refusal = rows.empty() ? std::nullopt : refusal_of(rows);
        if (!refusal)
            return;
        if (rows.size() == 1)
        {
            found.emplace_back(rows.front(), *refusal);
            return;
        }
        find_refused(rows.first(rows.size() / 2), found);
        find_refused(rows.subspan(rows.size() / 2), found);
    }

    std::vector<table> tables;
    const row_changes changes{tables};
};

row_store::row_store(row_store_config config, std::span<const definition* const> definitions)
    : self_(std::make_unique<implementation>(std::move(config), definitions))
{}
row_store::~row_store() = default;

void row_store::open() { self_->open(); }
bool row_store::is_open() const { return self_->is_open(); }

std::string row_store::incarnation()
{
    return self_->call([&](pqxx::connection_base&) { return event_log::read_incarnation(self_->held()).text(); });
}

std::vector<checkpoint> row_store::checkpoints(std::span<const std::int32_t> lanes)
{
    auto parameters = self_->identities();
    parameters.push_back(implementation::lane_array(lanes));
    return self_->call([&](pqxx::connection_base& raw) {
        pqxx::nontransaction work{raw};
        std::vector<checkpoint> found;
        for (const auto& row : work.exec_prepared("checkpoints", make_dynamic_params(parameters)))
            found.push_back({self_->tables[row[0].as<std::size_t>() - 1].of, row[1].as<std::int32_t>(),
                             row[2].as<std::int64_t>(), row[3].as<std::int64_t>(), row[4].as<std::int64_t>(),
                             row[5].as<std::string>(), uuid_of(row[6])});
        return found;
    });
}

std::vector<parked_key> row_store::parked(std::span<const std::int32_t> lanes)
{
    auto parameters = self_->identities();
    parameters.push_back(implementation::lane_array(lanes));
    return self_->call([&](pqxx::connection_base& raw) {
        pqxx::nontransaction work{raw};
        std::vector<parked_key> found;
        for (const auto& row : work.exec_prepared("parked", make_dynamic_params(parameters)))
            found.push_back({self_->tables[row[0].as<std::size_t>() - 1].of, row[1].as<std::int32_t>(),
                             row_key{uuid_of(row[2]), uuid_of(row[3])}, row[4].as<std::int64_t>(),
                             row[5].as<std::string>(), row[6].as<std::string>(), row[7].as<bool>()});
        return found;
    });
}

bool row_store::has_retired()
{
    return self_->call([&](pqxx::connection_base& raw) {
        pqxx::nontransaction work{raw};
        return !work.exec_params("select from read.projection p join unnest($1::text[], $2::integer[])"
                                 " as fed (projection, version) using (projection, version)"
                                 " where p.state = 'retired' limit 1",
                                 make_dynamic_params(self_->identities()))
                    .empty();
    });
}

std::vector<position> row_store::shown(std::span<const std::int32_t> lanes)
{
    const std::vector<std::string> parameters{self_->identities().front(), implementation::lane_array(lanes)};
    return self_->call([&](pqxx::connection_base& raw) {
        pqxx::nontransaction work{raw};
        std::vector<position> found;
        for (const auto& row : work.exec_params("select lane, seq from read.shown_up_to($1::text[], $2::integer[])",
                                                make_dynamic_params(parameters)))
            found.push_back({row[0].as<std::int32_t>(), row[1].as<std::int64_t>()});
        return found;
    });
}

std::optional<uuid> row_store::event_at(const position& at)
{
    return self_->call([&](pqxx::connection_base& raw) -> std::optional<uuid> {
        pqxx::nontransaction work{raw};
        const auto rows =
            work.exec_params("select event_id from es.event where lane = $1 and seq = $2", at.lane, at.seq);
        return rows.empty() ? std::nullopt : std::optional{uuid_of(rows[0][0])};
    });
}

void row_store::load(std::span<row_slot* const> slots)
{
    if (slots.empty())
        return;
    const table& from = self_->table_of(*slots.front()->of);
    arrays keys{2};
    for (const row_slot* slot : slots)
        keys.next().id(slot->key.tenant).id(slot->key.id);
    self_->call([&](pqxx::connection_base& raw) {
        pqxx::nontransaction work{raw};
        std::vector<cell> cells(from.columns.size());
        for (const auto& row : work.exec_prepared(from.statement("load"), make_dynamic_params(keys.finish())))
        {
            for (std::size_t i = 0; i < cells.size(); ++i)
                cells[i] = cell_of(row[static_cast<pqxx::row::size_type>(i + 1)]);
            const auto held = from.of->make();
            read_cells(from.columns, cells, held.get());
            row_slot& slot = *slots[row[0].as<std::size_t>() - 1];
            slot.before.clear();
            encode_row(*from.of->record, held.get(), slot.before);
        }
    });
}

std::map<total_key, total> row_store::load_totals(std::span<const total_key> wanted)
{
    arrays keys{4};
    for (const auto& key : wanted)
        keys.next().id(key.tenant).text(key.counter).number(key.version).text(key.bucket);
    return self_->call([&](pqxx::connection_base& raw) {
        pqxx::nontransaction work{raw};
        std::map<total_key, total> found;
        for (const auto& row : work.exec_prepared("totals", make_dynamic_params(keys.finish())))
            found.emplace(wanted[row[0].as<std::size_t>() - 1],
                          total{row[1].as<std::int64_t>(), row[2].as<std::int64_t>()});
        return found;
    });
}

std::vector<row_store::stored_row> row_store::rows_after(const definition& of, std::int32_t lane, const row_key& after,
                                                         std::size_t count_max)
{
    const table& from = self_->table_of(of);
    return self_->call([&](pqxx::connection_base& raw) {
        pqxx::nontransaction work{raw};
        std::vector<stored_row> found;
        std::vector<cell> cells(from.columns.size());
        for (const auto& row :
             work.exec_prepared(from.statement("rows after"), lane, after.tenant.text(), after.id.text(), count_max))
        {
            for (std::size_t i = 0; i < cells.size(); ++i)
                cells[i] = cell_of(row[static_cast<pqxx::row::size_type>(i + 1)]);
            const auto held = of.make();
            read_cells(from.columns, cells, held.get());
            auto& stored = found.emplace_back(stored_row{{uuid_of(row[0]), uuid_of(row["id"])}, {}});
            encode_row(*of.record, held.get(), stored.bytes);
        }
        return found;
    });
}

std::vector<std::pair<total_key, total>> row_store::totals_after(const definition& of, std::int32_t lane,
                                                                 const total_key& after, std::size_t count_max)
{
    return self_->call([&](pqxx::connection_base& raw) {
        pqxx::nontransaction work{raw};
        std::vector<std::pair<total_key, total>> found;
        for (const auto& row :
             work.exec_prepared("totals of lane", lane, of.version, std::string{of.name} + ".%", after.tenant.text(),
                                after.counter, after.version, after.bucket, count_max))
            found.emplace_back(
                total_key{uuid_of(row[0]), row[1].as<std::string>(), row[2].as<int>(), row[3].as<std::string>()},
                total{row[4].as<std::int64_t>(), row[5].as<std::int64_t>()});
        return found;
    });
}

std::vector<row_store::stored_term> row_store::terms_after(const definition& of, std::int32_t lane,
                                                           const row_key& after, const std::string& after_word,
                                                           std::size_t count_max)
{
    return self_->call([&](pqxx::connection_base& raw) {
        pqxx::nontransaction work{raw};
        std::vector<stored_term> found;
        for (const auto& row : work.exec_prepared("terms of lane", lane, std::string{of.name}, of.version,
                                                  after.tenant.text(), after.id.text(), after_word, count_max))
            found.push_back({{uuid_of(row[0]), uuid_of(row[1])},
                             {row[2].as<std::string>(),
                              static_cast<term_place>(row[3].as<std::int16_t>()),
                              {row[4].as<std::int64_t>()}}});
        return found;
    });
}

std::vector<row_store::differing_row> row_store::differing(const appended_rows& lines)
{
    if (lines.events.empty())
        return {};
    const table& in = self_->table_of(*lines.of);
    return self_->call([&](pqxx::connection_base& raw) {
        pqxx::nontransaction work{raw};
        std::vector<differing_row> found;
        const auto parameters = arrays_of(in, lines.events);
        for (const auto& row : work.exec_prepared(in.statement("differing"), make_dynamic_params(parameters)))
            found.push_back({uuid_of(row[0]), row[1].as<std::int64_t>(), row[2].as<bool>()});
        return found;
    });
}

std::vector<row_store::appended_row> row_store::appended_after(const definition& of, std::int32_t lane,
                                                               const appended_row& after, std::int64_t up_to_seq,
                                                               std::size_t count_max)
{
    const table& from = self_->table_of(of);
    return self_->call([&](pqxx::connection_base& raw) {
        pqxx::nontransaction work{raw};
        std::vector<appended_row> found;
        for (const auto& row : work.exec_prepared(from.statement("appended after"), lane, after.tenant.text(),
                                                  after.seq, up_to_seq, count_max))
            found.push_back({uuid_of(row[0]), row[1].as<std::int64_t>(), row[2].as<bool>()});
        return found;
    });
}

void row_store::write(const commit& made)
{
    self_->call([&](pqxx::connection_base& raw) {
        pqxx::work work{raw};
        // The steps first: whoever comes second waits here and then leaves, before it has touched a row.
        self_->changes.advance(work, made.steps, made.leases);
        self_->changes.upsert(work, made.rows);
        self_->changes.change_terms(work, made.rows);
        for (const auto& lines : made.appended)
            self_->changes.append(work, lines);
        self_->changes.replace_totals(work, made.totals);
        self_->changes.park(work, made.parked);
        FAULT_POINT("projection.before_commit");
        work.commit();
    });
    FAULT_POINT("projection.after_commit");
}

suspicion row_store::suspect(const position& at, std::int64_t term)
{
    return self_->call([&](pqxx::connection_base& raw) {
        pqxx::nontransaction work{raw};
        const auto row = work.exec_params1(
            "insert into read.suspicion as s (lane, seq, term) values ($1, $2, $3)"
            " on conflict (lane) do update set at = clock_timestamp(), term = excluded.term,"
            "   seq = case when s.term = excluded.term then s.seq else excluded.seq end,"
            "   deaths = case when s.term = excluded.term then s.deaths"
            "                 when s.seq = excluded.seq or s.in_flight > excluded.seq then s.deaths + 1 else 1 end,"
            "   in_flight = case when s.in_flight > excluded.seq then s.in_flight end,"
            "   ended = case when s.in_flight > excluded.seq"
            "                then s.ended + (s.term <> excluded.term)::int else 0 end,"
            "   hung = s.hung and coalesce(s.in_flight > excluded.seq, false)"
            " returning deaths, in_flight, ended, hung",
            at.lane, at.seq, term);
        return suspicion{row[0].as<int>(), row[1].is_null() ? std::nullopt : std::optional{row[1].as<std::int64_t>()},
                         row[2].as<int>(), row[3].as<bool>()};
    });
}

void row_store::fly(std::int32_t lane, std::optional<std::int64_t> seq)
{
    self_->call([&](pqxx::connection_base& raw) {
        pqxx::nontransaction work{raw};
        if (seq)
            work.exec_params("update read.suspicion set in_flight = $2, hung = false,"
                             " ended = case when in_flight = $2 then ended else 0 end where lane = $1",
                             lane, *seq);
        else
            work.exec_params("delete from read.suspicion where lane = $1", lane);
    });
}

void row_store::note_hung(std::int32_t lane)
{
    self_->call([&](pqxx::connection_base& raw) {
        pqxx::nontransaction work{raw};
        work.exec_params("update read.suspicion set hung = true where lane = $1 and in_flight is not null", lane);
    });
}

std::vector<held_lane> row_store::ended(std::span<const held_lane> leases)
{
    return self_->call([&](pqxx::connection_base& raw) {
        pqxx::nontransaction work{raw};
        auto parameters = arrays_of(leases);
        parameters.emplace_back(projector_role);
        std::vector<held_lane> found;
        for (const auto& row :
             work.exec_params("select h.lane, h.term from unnest($1::integer[], $2::bigint[]) as h (lane, term)"
                              " where not exists (select from es.lane_lease l where l.role = $3 and l.lane = h.lane"
                              " and l.term = h.term and l.owner is not null)",
                              make_dynamic_params(parameters)))
            found.push_back({row[0].as<std::int32_t>(), row[1].as<std::int64_t>()});
        return found;
    });
}

std::vector<std::pair<const row_slot*, std::string>> row_store::refused(std::span<row_slot* const> rows)
{
    std::vector<std::pair<const row_slot*, std::string>> found;
    self_->find_refused(rows, found);
    return found;
}

void row_store::free_key(const commit& made, const parked_key& which)
{
    self_->call([&](pqxx::connection_base& raw) {
        pqxx::work work{raw};
        self_->changes.advance(work, made.steps);
        self_->changes.upsert(work, made.rows);
        self_->changes.change_terms(work, made.rows);
        // In place: the total's row is named by an event that counts already. This is rare, so dead versions are few.
        for (const auto& each : made.totals)
        {
            work.exec_params("delete from read.sum where tenant_id = $1 and counter = $2 and version = $3"
                             " and bucket = $4 and seq = $5",
                             each.key.tenant.text(), each.key.counter, each.key.version, each.key.bucket,
                             each.before.seq);
            if (each.now.value != 0)
                work.exec_params("insert into read.sum (tenant_id, counter, version, bucket, seq, value)"
                                 " values ($1, $2, $3, $4, $5, $6)",
                                 each.key.tenant.text(), each.key.counter, each.key.version, each.key.bucket,
                                 each.now.seq, each.now.value);
        }
        work.exec_params(std::string{"delete from read.parked"} + of_one_key, std::string{which.of->name},
                         which.of->version, which.key.tenant.text(), which.key.id.text());
        FAULT_POINT("free_key.before_commit");
        work.commit();
    });
    FAULT_POINT("free_key.after_commit");
}

void row_store::renew(const renewed_tenant& made)
{
    constexpr std::size_t rows_per_statement = 1'000;
    const definition& of = *made.step.of;
    self_->call([&](pqxx::connection_base& raw) {
        pqxx::work work{raw};
        self_->changes.advance(work, {&made.step, 1});
        self_->changes.empty_tenant(work, of, made.tenant);
        std::vector<row_slot> page;
        const auto flush = [&] {
            std::vector<row_slot*> slots;
            for (auto& each : page)
                slots.push_back(&each);
            self_->changes.upsert(work, slots);
            self_->changes.change_terms(work, slots);
            page.clear();
        };
        for (const auto& [key, bytes] : made.rows)
        {
            auto& slot = page.emplace_back(row_slot{&of, made.step.lane, key, {}, bytes, decode(of, bytes), {}});
            if (of.find_by != nullptr)
                slot.terms = change_of(std::nullopt, of.find_by(slot.row.get()));
            if (page.size() == rows_per_statement)
                flush();
        }
        flush();
        std::vector<commit::new_total> totals;
        for (const auto& [key, value] : made.totals)
            totals.push_back({key, {}, {made.step.seq, value}, &of, made.step.lane});
        self_->changes.replace_totals(work, totals);
        self_->changes.park(work, made.parked);
        FAULT_POINT("renew.before_commit");
        work.commit();
    });
    FAULT_POINT("renew.after_commit");
}

bool row_store::is_parked(const parked_key& which)
{
    return self_->call([&](pqxx::connection_base& raw) {
        pqxx::nontransaction work{raw};
        return !work.exec_params(std::string{"select from read.parked"} + of_one_key, std::string{which.of->name},
                                 which.of->version, which.key.tenant.text(), which.key.id.text())
                    .empty();
    });
}

bool row_store::discard(std::string_view projection, int version, const row_key& key, const std::string& reason)
{
    return self_->call([&](pqxx::connection_base& raw) {
        pqxx::nontransaction work{raw};
        const auto changed = work.exec_params(
            std::string{
                "update read.parked set discarded_at = coalesce(discarded_at, clock_timestamp()), reason = $5"} +
                of_one_key,
            std::string{projection}, version, key.tenant.text(), key.id.text(), reason);
        return changed.affected_rows() > 0;
    });
}

void row_store::empty_lane(std::int32_t lane, std::span<const checkpoint> steps)
{
    self_->call([&](pqxx::connection_base& raw) {
        pqxx::work work{raw};
        self_->changes.advance(work, steps);
        const std::string homes =
            " where tenant_id in (select home.tenant_id from es.tenant home where home.lane = " + std::to_string(lane) +
            ")";
        for (const auto& each : steps)
        {
            const std::string version = std::to_string(each.of->version);
            const std::string name = work.quote(std::string{each.of->name});
            work.exec("delete from " + std::string{each.of->table} + homes);
            work.exec("delete from read.search_term" + homes + " and projection = " + name +
                      " and version = " + version);
            work.exec("delete from read.sum" + homes + " and version = " + version + " and counter like " +
                      work.quote(std::string{each.of->name} + ".%"));
            work.exec("delete from read.parked where projection = " + name + " and version = " + version +
                      " and lane = " + std::to_string(lane));
        }
        FAULT_POINT("empty_lane.before_commit");
        work.commit();
    });
    FAULT_POINT("empty_lane.after_commit");
}
}  // namespace projection
