#include "commands/lanes/standing_audit.hpp"

#include "events/log/upcast.hpp"
#include "schemas/assertion.hpp"
#include "schemas/fault_point.hpp"
#include "schemas/text.hpp"

#include <pqxx/pqxx>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>

namespace lanes
{
namespace
{
constexpr std::chrono::seconds look_deadline{60};
constexpr std::chrono::seconds mend_deadline{30};

constexpr const char* claiming_facts =
    "select e.seq, e.schema_version, e.version, e.event_id, e.stream_id, e.category, e.type, e.data"
    "  from es.event e where e.tenant_id = $1 and e.category = any ($2::text[]) order by e.seq";

constexpr const char* held_claims =
    "select c.tenant_id, c.scope, encode(c.hash, 'hex'), c.owner_category, c.owner_id from es.claim c"
    " where c.owner_tenant_id = $1 and c.tenant_id in ($1, $2)"
    " union all "
    "select c.tenant_id, c.scope, encode(c.hash, 'hex'), c.owner_category, c.owner_id from es.claim c"
    " where c.tenant_id = $1 and c.owner_tenant_id <> $1 and $1 <> $2";

constexpr const char* counts =
    "select c.metric, sum(c.amount)"
    "  from unnest($2::text[], $3::text[], $4::text[], $5::bigint[]) as c (metric, category, type, amount)"
    "  join es.event e on e.tenant_id = $1 and e.category = c.category and e.type = c.type group by c.metric";

constexpr const char* totals = "select distinct on (q.metric) q.metric, q.total from es.quota q where q.tenant_id = $1"
                               " order by q.metric, q.n desc";

std::string literal(const std::vector<std::string>& texts)
{
    std::string all = "{";
    for (const auto& each : texts)
        all.append(all.size() > 1 ? "," : "").append(each);
    return all + '}';
}

uuid uuid_of(const pqxx::field& from)
{
    const auto parsed = uuid::parse(std::string_view{from.c_str(), from.size()});
    CF_ASSERT(parsed.has_value());
    return *parsed;
}

struct claim_name
{
    bool is_platform_wide = false;
    std::string scope;
    event_log::claim_hash hash{};
    friend auto operator<=>(const claim_name&, const claim_name&) = default;
};
using claims = std::map<claim_name, event_log::stream_key>;
using amounts = std::map<std::string, std::int64_t>;

// What one snapshot shows of a tenant.
struct sight
{
    std::int64_t seen_to = 0;
    std::vector<event_log::recorded> facts;
    claims held;
    amounts counted, stored;
};

event_log::claim_hash hash_of(const std::string& hex)
{
    event_log::claim_hash made{};
    const auto value = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    for (std::size_t i = 0; i < made.size() && 2 * i + 1 < hex.size(); ++i)
        made[i] = static_cast<std::uint8_t>(value(hex[2 * i]) * 16 + value(hex[2 * i + 1]));
    return made;
}
}  // namespace

struct standing_audit::implementation
{
    implementation(event_log::store_config given, event_log::keyring& opened_with, const standing_rules& of_nouns)
        : config(std::move(given)), ring(opened_with), rules(of_nouns), store(config)
    {
        how.dsn = config.dsn;
        how.password_file = config.password_file;
        how.application_name = "clientflow audit";
    }

    template <class Work>
    void in_one_snapshot(Work work)
    {
        if (!link || link->lost())
            link = std::make_unique<event_log::connection>(how, config.guard);
        const event_log::connection::deadline limit{*link, look_deadline};
        try
        {
            pqxx::transaction<pqxx::repeatable_read, pqxx::read_only> seen{link->raw()};
            work(seen);
        }
        catch (const pqxx::failure& fault)
        {
            const auto meaning = event_log::understand(fault, *link);
            if (meaning.kind != event_log::failure_kind::lost)
                throw std::runtime_error(meaning.message);
            link->give_up();
            throw event_log::unreachable(meaning.message);
        }
    }

    sight read(const uuid& tenant, std::int32_t lane);
    void learn_keys(const uuid& tenant, const std::vector<event_log::recorded>&);
    // In the order of the log; owners are counted beside.
    claims reckoned(const uuid& tenant, const std::vector<event_log::recorded>&, amounts& owners) const;

    event_log::store_config config;
    event_log::keyring& ring;
    const standing_rules& rules;
    event_log::store store;
    event_log::connection_config how;
    std::unique_ptr<event_log::connection> link;
};

namespace
{
void read_facts(pqxx::transaction_base& seen, const standing_rules& rules, const uuid& tenant, std::int32_t lane,
                sight& into)
{
    std::vector<std::string> categories;
    for (const auto each : rules.claiming)
        categories.emplace_back(each);
    for (const auto& row : seen.exec_params(claiming_facts, tenant.text(), literal(categories)))
    {
        event_log::recorded one;
        one.at = {lane, row[0].as<std::int64_t>()};
        one.schema_version = row[1].as<std::int32_t>();
        one.version = row[2].as<std::int64_t>();
        one.event_id = uuid_of(row[3]);
        one.stream = {tenant, row[5].as<std::string>(), uuid_of(row[4])};
        one.type = row[6].as<std::string>();
        one.data = row[7].as<std::string>();
        into.facts.push_back(std::move(one));
    }
}

void read_counts(pqxx::transaction_base& seen, const standing_rules& rules, const uuid& tenant, sight& into)
{
    std::vector<std::string> metrics, categories, types, each_amount;
    for (const auto& each : rules.counted)
    {
        metrics.emplace_back(each.metric);
        categories.emplace_back(each.category);
        types.emplace_back(each.type);
        each_amount.push_back(std::to_string(each.amount));
    }
    for (const auto& row : seen.exec_params(counts, tenant.text(), literal(metrics), literal(categories),
                                            literal(types), literal(each_amount)))
        into.counted[row[0].as<std::string>()] = row[1].as<std::int64_t>();
    for (const auto& row : seen.exec_params(totals, tenant.text()))
        into.stored[row[0].as<std::string>()] = row[1].as<std::int64_t>();
}
}  // namespace

sight standing_audit::implementation::read(const uuid& tenant, std::int32_t lane)
{
    sight made;
    in_one_snapshot([&](pqxx::transaction_base& seen) {
        made = {};
        made.seen_to =
            seen.exec_params1("select coalesce(max(seq), 0) from es.event where lane = $1", lane)[0].as<std::int64_t>();
        read_facts(seen, rules, tenant, lane, made);
        read_counts(seen, rules, tenant, made);
        for (const auto& row : seen.exec_params(held_claims, tenant.text(), event_log::platform_tenant.text()))
            made.held.emplace(claim_name{uuid_of(row[0]) == event_log::platform_tenant, row[1].as<std::string>(),
                                         hash_of(row[2].as<std::string>())},
                              event_log::stream_key{tenant, row[3].as<std::string>(), uuid_of(row[4])});
    });
    return made;
}

void standing_audit::implementation::learn_keys(const uuid& tenant, const std::vector<event_log::recorded>& facts)
{
    if (!ring.knows_tenant(tenant))
        if (const auto entry = store.find_tenant(tenant))
            ring.learn_tenant(*entry);
    std::vector<uuid> unknown;
    for (const auto& subject : event_log::subjects_in(facts))
        if (!ring.knows_subject(tenant, subject))
            unknown.push_back(subject);
    if (unknown.empty())
        return;
    std::set<uuid> absent{unknown.begin(), unknown.end()};
    for (const auto& key : store.subject_keys(tenant, unknown))
    {
        absent.erase(key.subject);
        ring.learn_subject(key);
    }
    for (const auto& subject : absent)
        ring.learn_absent(tenant, subject);
}

claims standing_audit::implementation::reckoned(const uuid& tenant, const std::vector<event_log::recorded>& facts,
                                                amounts& owners) const
{
    claims made;
    for (const auto& happened : facts)
    {
        event_log::recorded room;
        const auto& newest = event_log::newest_shape(happened, room);
        const auto open = ring.opener_for(tenant, happened.event_id);
        decision follows;
        rules.reckon(newest, open.get(), follows);
        for (const auto& each : follows.claims)
        {
            const auto value = each.is_digest ? each.value : schema::fold(schema::trim(each.value));
            const auto& place = each.platform_wide ? event_log::platform_tenant : tenant;
            const claim_name name{place == event_log::platform_tenant, each.scope,
                                  ring.hash_claim(place, each.scope, value)};
            if (each.take)
                made.insert_or_assign(name, *each.owner);
            else if (const auto held = made.find(name); held != made.end() && held->second == *each.owner)
                made.erase(held);
        }
        for (const auto& each : follows.quotas)
            owners[each.metric] += each.delta;
    }
    return made;
}

standing_audit::standing_audit(event_log::store_config config, event_log::keyring& ring, const standing_rules& rules)
    : self_(std::make_unique<implementation>(std::move(config), ring, rules))
{}
standing_audit::~standing_audit() = default;

namespace
{
void compare(const claims& wanted, const claims& held, std::vector<standing_difference>& into)
{
    using kind = standing_difference::kind;
    const auto add = [&](kind what, const claim_name& name, const event_log::stream_key& owner) {
        into.push_back({what, name.scope, name.hash, name.is_platform_wide, owner, 0, 0});
    };
    for (const auto& [name, owner] : wanted)
        if (const auto found = held.find(name); found == held.end())
            add(kind::claim_missing, name, owner);
        else if (found->second != owner)
            add(kind::claim_of_other, name, owner);
    for (const auto& [name, owner] : held)
        if (!wanted.contains(name))
            add(kind::claim_unexpected, name, owner);
}

void compare(const amounts& wanted, const amounts& stored, std::vector<standing_difference>& into)
{
    const auto of = [](const amounts& in, const std::string& name) {
        const auto found = in.find(name);
        return found == in.end() ? 0 : found->second;
    };
    std::set<std::string> names;
    for (const auto* all : {&wanted, &stored})
        for (const auto& [name, _] : *all)
            names.insert(name);
    for (const auto& name : names)
        if (of(wanted, name) != of(stored, name))
            into.push_back(
                {standing_difference::kind::total_differs, name, {}, false, {}, of(wanted, name), of(stored, name)});
}
}  // namespace

tenant_standing standing_audit::look(const uuid& tenant, std::int32_t lane)
{
    auto seen = self_->read(tenant, lane);
    const auto held = self_->ring.hold();
    self_->learn_keys(tenant, seen.facts);
    const auto wanted = self_->reckoned(tenant, seen.facts, seen.counted);

    tenant_standing made;
    made.tenant = tenant;
    made.lane = lane;
    made.seen_to = seen.seen_to;
    made.claims = seen.held.size();
    made.totals = seen.stored.size();
    compare(wanted, seen.held, made.differences);
    compare(seen.counted, seen.stored, made.differences);
    return made;
}

std::vector<std::string> standing_audit::strangers()
{
    std::vector<std::string> found;
    self_->in_one_snapshot([&](pqxx::transaction_base& seen) {
        found.clear();
        for (const auto& row : seen.exec(
                 "select 'claim ' || c.scope || ' of ' || c.owner_tenant_id from es.claim c where not exists"
                 " (select from es.tenant t where t.tenant_id = c.owner_tenant_id)"
                 " union all select 'total ' || q.metric || ' of ' || q.tenant_id from es.quota q where not exists"
                 " (select from es.tenant t where t.tenant_id = q.tenant_id)"))
            found.push_back(row[0].as<std::string>());
    });
    return found;
}

bool mend(event_log::connection& over, const tenant_standing& what)
{
    std::vector<std::string> kinds, scopes, hashes, places, categories, owners, metrics, wanted;
    for (const auto& each : what.differences)
    {
        if (each.what == standing_difference::kind::total_differs)
        {
            metrics.push_back(each.name);
            wanted.push_back(std::to_string(each.wanted));
            continue;
        }
        kinds.emplace_back(each.what == standing_difference::kind::claim_unexpected ? "f" : "t");
        scopes.push_back(each.name);
        hashes.push_back(schema::hex(each.hash));
        places.push_back((each.is_platform_wide ? event_log::platform_tenant : what.tenant).text());
        categories.push_back(each.owner.category);
        owners.push_back(each.owner.id.text());
    }
    FAULT_POINT("mend_standing.before");
    const event_log::connection::deadline limit{over, mend_deadline};
    pqxx::nontransaction work{over.raw()};
    const auto done =
        work.exec_params1("select es.mend_standing($1, $2, $3, $4::boolean[], $5::text[], $6::text[], $7::uuid[],"
                          " $8::text[], $9::uuid[], $10::text[], $11::bigint[])",
                          what.tenant.text(), what.lane, what.seen_to, literal(kinds), literal(scopes), literal(hashes),
                          literal(places), literal(categories), literal(owners), literal(metrics), literal(wanted))[0]
            .as<bool>();
    FAULT_POINT("mend_standing.after");
    return done;
}
}  // namespace lanes
