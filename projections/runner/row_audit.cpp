#include "projections/runner/row_audit.hpp"

#include "projections/runner/audited_lines.hpp"
#include "projections/runner/audited_rows.hpp"
#include "projections/runner/columns.hpp"
#include "projections/runner/personal_keys.hpp"
#include "projections/runner/rebuild.hpp"
#include "schemas/assertion.hpp"
#include "schemas/text.hpp"

#include <pqxx/pqxx>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace projection
{
namespace
{
constexpr const char* every_position =
    "select p.nth, l.lane, coalesce(c.step, 0), coalesce(c.seq, 0), coalesce(head.seq, 0),"
    "       coalesce(extract(epoch from clock_timestamp() - next.recorded_at), 0)::float8,"
    "       coalesce(c.seq, 0) > 0 and at.event_id is distinct from c.event_id"
    "  from unnest($1::text[], $2::integer[]) with ordinality as p (projection, version, nth)"
    " cross join es.lane l"
    "  left join lateral (select * from read.checkpoint k where k.projection = p.projection"
    "     and k.version = p.version and k.lane = l.lane order by k.step desc limit 1) as c on true"
    "  left join lateral (select e.seq from es.event e where e.lane = l.lane order by e.seq desc limit 1)"
    "     as head on true"
    "  left join lateral (select e.event_id from es.event e where e.lane = l.lane and e.seq = c.seq) as at on true"
    "  left join lateral (select e.recorded_at from es.event e where e.lane = l.lane"
    "     and e.seq = coalesce(c.seq, 0) + 1) as next on true"
    " order by p.nth, l.lane";

constexpr const char* being_built =
    "select p.projection, extract(epoch from coalesce(max(b.at), p.begun_at))::float8"
    "  from read.projection p left join read.build b on b.projection = p.projection and b.version = p.version"
    " where p.state = 'building' group by p.projection, p.begun_at order by 1";

constexpr const char* building_sessions =
    "select count(*) from pg_stat_activity where datname = current_database() and application_name = $1";

constexpr const char* counted =
    "select coalesce(h.seq, 0), n.count, n.first_gap"
    "  from (select max(e.seq) as seq from es.event e where e.lane = $1) as h"
    " cross join lateral (select count(*), min($2 + c.nth) filter (where c.seq <> $2 + c.nth) as first_gap"
    "     from (select e.seq, row_number() over (order by e.seq) as nth from es.event e"
    "            where e.lane = $1 and e.seq > $2 and e.seq <= $2 + $3) as c) as n";

row_difference difference_of(row_difference::kind what, const row_key& key, std::int64_t last_seq)
{
    return {what, key, {}, false, last_seq};
}

// Rows whose words are not those that the log says, in order.
std::set<uuid> differing_terms(const definition& of, const std::map<uuid, wanted_row>& wanted,
                               const std::map<uuid, std::vector<term>>& stored)
{
    std::set<uuid> differing;
    for (const auto& [id, row] : wanted)
    {
        const auto right = row.bytes.empty() ? std::vector<term>{} : terms_of(of, row.row.get());
        const auto found = stored.find(id);
        if (found == stored.end() ? !right.empty() : found->second != right)
            differing.insert(id);
    }
    for (const auto& [id, _] : stored)
        if (!wanted.contains(id))
            differing.insert(id);
    return differing;
}

void chain(digest& onto, const uuid& id, std::string_view bytes)
{
    std::string all{onto.begin(), onto.end()};
    all.append(id.text()).append(bytes);
    onto = schema::sha256(all);
}
}  // namespace

struct row_audit::implementation
{
    implementation(row_audit_config given, event_log::keyring& ring)
        : config(std::move(given)), link(config.rows), keys(ring, config.keys)
    {}

    // One snapshot for all that `work` reads.
    template <class Work>
    auto in_one_snapshot(Work work)
    {
        return link.call([&](pqxx::connection_base& raw) {
            pqxx::transaction<pqxx::repeatable_read, pqxx::read_only> seen{raw};
            return work(seen);
        });
    }

    const row_audit_config config;
    audit_link link;
    personal_keys keys;
};

row_audit::row_audit(row_audit_config config, event_log::keyring& ring)
    : self_(std::make_unique<implementation>(std::move(config), ring))
{}
row_audit::~row_audit() = default;

void row_audit::open() { self_->link.open(); }
bool row_audit::is_open() const { return self_->link.is_open(); }

std::vector<audited_tenant> row_audit::tenants()
{
    return self_->in_one_snapshot([](pqxx::transaction_base& seen) {
        std::vector<audited_tenant> found;
        for (const auto& row : seen.exec("select tenant_id, lane from es.tenant order by lane, tenant_id"))
            found.push_back({*uuid::parse(row[0].c_str()), row[1].as<std::int32_t>()});
        return found;
    });
}

std::vector<std::int32_t> row_audit::lanes()
{
    return self_->in_one_snapshot([](pqxx::transaction_base& seen) {
        std::vector<std::int32_t> found;
        for (const auto& row : seen.exec("select lane from es.lane order by lane"))
            found.push_back(row[0].as<std::int32_t>());
        return found;
    });
}

stopped_keys row_audit::stopped()
{
    return self_->in_one_snapshot([](pqxx::transaction_base& seen) {
        as_projector(seen);
        const auto row = seen.exec1("select count(*), coalesce(extract(epoch from min(parked_at)), 0)::float8"
                                    " from read.parked where discarded_at is null");
        return stopped_keys{row[0].as<std::int64_t>(), row[1].as<double>()};
    });
}

standing_builds row_audit::builds()
{
    return self_->in_one_snapshot([](pqxx::transaction_base& seen) {
        standing_builds made;
        for (const auto& row : seen.exec(being_built))
            made.builds.push_back({row[0].as<std::string>(), row[1].as<double>()});
        made.workers = seen.exec_params1(building_sessions, rebuild_session)[0].as<std::int64_t>();
        return made;
    });
}

std::vector<audited_position> row_audit::positions(std::span<const definition* const> definitions)
{
    std::vector<std::string> names, versions;
    for (const definition* of : definitions)
    {
        names.emplace_back(of->name);
        versions.push_back(std::to_string(of->version));
    }
    return self_->in_one_snapshot([&](pqxx::transaction_base& seen) {
        std::vector<audited_position> found;
        for (const auto& row : seen.exec_params(every_position, array_literal(names), array_literal(versions)))
        {
            audited_position one;
            one.of = definitions[row[0].as<std::size_t>() - 1];
            one.lane = row[1].as<std::int32_t>();
            one.step = row[2].as<std::int64_t>();
            one.seq = row[3].as<std::int64_t>();
            one.head = row[4].as<std::int64_t>();
            one.behind_seconds = row[5].as<double>();
            one.is_beyond_log = one.seq > one.head;
            one.is_of_other_event = !one.is_beyond_log && row[6].as<bool>();
            found.push_back(one);
        }
        return found;
    });
}

audited_lane row_audit::count(std::int32_t lane, std::int64_t after)
{
    return self_->in_one_snapshot([&](pqxx::transaction_base& seen) {
        const auto row = seen.exec_params1(counted, lane, after, self_->config.count_max);
        audited_lane made;
        made.lane = lane;
        made.head = row[0].as<std::int64_t>();
        const auto there = row[1].as<std::int64_t>();
        made.counted_to = after + there;
        if (!row[2].is_null())
            made.first_gap = row[2].as<std::int64_t>();
        else if (there < std::min(made.head - after, self_->config.count_max))
            made.first_gap = made.counted_to + 1;
        if (made.first_gap)
            made.counted_to = *made.first_gap - 1;
        return made;
    });
}

audited_lane row_audit::look_at_head(std::int32_t lane)
{
    return self_->in_one_snapshot([&](pqxx::transaction_base& seen) {
        audited_lane made;
        made.lane = lane;
        made.head = seen.exec_params1("select coalesce(max(e.seq), 0) from es.event e where e.lane = $1", lane)[0]
                        .as<std::int64_t>();
        return made;
    });
}

row_slice row_audit::rows(const definition& of, const audited_tenant& whose, const uuid& after, row_digests& digests)
{
    CF_ASSERT(of.kind == row_kind::folded);
    row_slice made;
    auto seen = self_->in_one_snapshot([&](pqxx::transaction_base& in) {
        const audit_bounds bounds{whose.tenant, whose.lane, after, self_->config.events_max, self_->config.rows_max};
        return read_slice(in, of, bounds);
    });
    made.events = seen.events.size();
    made.rows = seen.rows.size();
    made.next = seen.next;
    made.stream_with_hole = hole_in(seen.events);
    const auto held = self_->keys.fetch(seen.events);
    const auto wanted = fold_anew(of, seen, self_->keys.open());
    if (!wanted)
    {
        made.is_foldable_by_stream = false;
        made.next.reset();
        return made;
    }

    for (const auto& [id, row] : *wanted)
        if (!row.bytes.empty())
            chain(digests.wanted, id, row.bytes);
    for (const auto& [id, bytes] : seen.rows)
        chain(digests.found, id, bytes);

    const auto add = [&](row_difference::kind what, const uuid& id, std::int64_t last_seq) {
        made.differences.push_back(difference_of(what, {whose.tenant, id}, last_seq));
    };
    for (const auto& [id, row] : *wanted)
    {
        const auto found = seen.rows.find(id);
        if (found == seen.rows.end() && !row.bytes.empty())
            add(row_difference::kind::missing, id, row.last_seq);
        else if (found != seen.rows.end() && found->second != row.bytes)
            add(row.bytes.empty() ? row_difference::kind::unexpected : row_difference::kind::other, id, row.last_seq);
    }
    for (const auto& [id, _] : seen.rows)
        if (!wanted->contains(id))
            add(row_difference::kind::unexpected, id, 0);
    if (of.find_by != nullptr)
        for (const auto& each : differing_terms(of, *wanted, seen.terms))
            made.differences.push_back({row_difference::kind::other, {whose.tenant, each}, {}, true, 0});
    return made;
}

namespace
{
line_slice compared(pqxx::transaction_base& seen, const definition& of, const std::vector<recorded>& events,
                    line_tallies& tallies)
{
    line_slice made;
    if (events.empty())
        return made;
    made.next = events.back().at.seq;
    as_projector(seen);
    const auto wanted = lines_of(of, events);
    std::map<line_key, row_difference::kind> differing;
    for (const auto& [key, what] : differing_lines(seen, of, wanted))
    {
        differing.emplace(key, what);
        made.differences.push_back(difference_of(what, {key.tenant, {}}, key.seq));
    }
    for (std::size_t i = 0; i < events.size(); ++i)
    {
        const auto& event = events[i];
        auto& tally = tallies[event.stream.tenant];
        ++tally.events;
        chain(tally.digests.wanted, event.event_id, wanted.bytes[i]);
        const auto found = differing.find({event.stream.tenant, event.at.seq});
        if (found == differing.end())
            chain(tally.digests.found, event.event_id, wanted.bytes[i]);
        else if (found->second == row_difference::kind::other)
            chain(tally.digests.found, event.event_id, {});
    }
    return made;
}

void take_stored(const stored_line& each, line_tallies& tallies, stored_line_slice& into)
{
    into.next = each.key;
    auto& tally = tallies[each.key.tenant];
    ++tally.rows;
    if (each.is_known)
        return;
    chain(tally.digests.found, each.key.tenant, std::to_string(each.key.seq));
    into.differences.push_back(difference_of(row_difference::kind::unexpected, {each.key.tenant, {}}, each.key.seq));
}
}  // namespace

line_slice row_audit::lines(const definition& of, std::int32_t lane, std::int64_t after, line_tallies& tallies)
{
    CF_ASSERT(of.kind == row_kind::appended);
    return self_->in_one_snapshot([&](pqxx::transaction_base& seen) {
        as_application(seen);
        const auto at = position_of(seen, of, lane);
        return compared(seen, of, envelopes_after(seen, lane, after, at.seq, self_->config.lines_max), tallies);
    });
}

std::optional<std::vector<line_key>> row_audit::places(const definition& of, const audited_tenant& whose)
{
    CF_ASSERT(of.kind == row_kind::appended);
    return self_->in_one_snapshot([&](pqxx::transaction_base& seen) -> std::optional<std::vector<line_key>> {
        as_application(seen);
        const auto at = position_of(seen, of, whose.lane);
        auto found = places_of(seen, whose.lane, whose.tenant, at.seq, self_->config.places_max + 1);
        return found.size() > self_->config.places_max ? std::nullopt : std::optional{std::move(found)};
    });
}

line_slice row_audit::lines_at(const definition& of, std::int32_t lane, std::span<const line_key> places,
                               line_tallies& tallies)
{
    CF_ASSERT(of.kind == row_kind::appended && places.size() <= self_->config.lines_max);
    return self_->in_one_snapshot([&](pqxx::transaction_base& seen) {
        as_application(seen);
        const auto at = position_of(seen, of, lane);
        return compared(seen, of, envelopes_at(seen, lane, places, at.seq), tallies);
    });
}

stored_line_slice row_audit::unexpected_lines(const definition& of, std::int32_t lane, const line_key& after,
                                              line_tallies& tallies)
{
    CF_ASSERT(of.kind == row_kind::appended);
    return self_->in_one_snapshot([&](pqxx::transaction_base& seen) {
        const auto at = position_of(seen, of, lane);
        as_projector(seen);
        stored_line_slice made;
        for (const auto& each : stored_lines_after(seen, of, lane, after, at.seq, self_->config.lines_max))
            take_stored(each, tallies, made);
        return made;
    });
}

stored_line_slice row_audit::unexpected_lines_of(const definition& of, const audited_tenant& whose, std::int64_t after,
                                                 line_tallies& tallies)
{
    CF_ASSERT(of.kind == row_kind::appended);
    return self_->in_one_snapshot([&](pqxx::transaction_base& seen) {
        const auto at = position_of(seen, of, whose.lane);
        as_projector(seen);
        stored_line_slice made;
        for (const auto& each :
             stored_lines_after(seen, of, whose.lane, {whose.tenant, after}, at.seq, self_->config.lines_max))
        {
            if (each.key.tenant != whose.tenant)
            {
                made.next.reset();
                break;
            }
            take_stored(each, tallies, made);
        }
        return made;
    });
}

std::vector<row_difference> row_audit::totals(const definition& of, const audited_tenant& whose)
{
    if (of.shares == nullptr)
        return {};
    return self_->in_one_snapshot([&](pqxx::transaction_base& seen) {
        const auto wanted = totals_from_rows(seen, of, whose.tenant, self_->config.rows_max);
        const auto found = stored_totals(seen, of, whose.tenant);
        std::vector<row_difference> made;
        const auto add = [&](row_difference::kind what, const std::string& name) {
            made.push_back({what, {whose.tenant, {}}, name, false, 0});
        };
        for (const auto& [name, value] : wanted)
            if (const auto held = found.find(name); held == found.end())
                add(row_difference::kind::missing, name.text());
            else if (held->second != value)
                add(row_difference::kind::other, name.text());
        for (const auto& [name, _] : found)
            if (!wanted.contains(name))
                add(row_difference::kind::unexpected, name.text());
        return made;
    });
}
}  // namespace projection
