#include "events/log/round_plan.hpp"

#include "schemas/assertion.hpp"

#include <algorithm>
#include <set>
#include <tuple>
#include <unordered_map>

namespace event_log
{
namespace
{
using lanes = std::vector<std::int32_t>;

std::size_t index_of(const lanes& all, std::int32_t lane)
{
    const auto at = std::lower_bound(all.begin(), all.end(), lane);
    CF_ASSERT(at != all.end() && *at == lane);
    return static_cast<std::size_t>(at - all.begin());
}

std::int32_t lane_of(const command_part& part, const uuid& tenant)
{
    if (tenant == part.tenant)
        return part.lane;
    CF_ASSERT(tenant == platform_tenant);
    return platform_lane;
}

bool writes(const command_part& part)
{
    return !part.events.empty() || part.remember || !part.claims.empty() || !part.quotas.empty() ||
           !part.subject_keys.empty() || part.tenant_born;
}

// Rounds touch few lanes: searching beats a tree.
lanes lanes_of(const round& asked)
{
    lanes found;
    const auto touch = [&](std::int32_t lane) {
        if (std::find(found.begin(), found.end(), lane) == found.end())
            found.push_back(lane);
    };
    for (const command_part& part : asked.commands)
    {
        touch(part.lane);
        for (const new_event& event : part.events)
            touch(lane_of(part, event.stream.tenant));
        for (const expected_head& expected : part.expected)
            touch(lane_of(part, expected.stream.tenant));
        for (const quota_change& change : part.quotas)
            touch(lane_of(part, change.tenant));
    }
    std::sort(found.begin(), found.end());
    return found;
}

std::string_view bytes(const std::array<std::uint8_t, 32>& from)
{
    return {reinterpret_cast<const char*>(from.data()), from.size()};
}

void put_head(wire::array& out, const expected_head& head)
{
    wire::array::row{out, 5}
        .int8(head.at.version)
        .uuid(head.stream.tenant)
        .uuid(head.stream.id)
        .text(head.stream.category)
        .uuid(head.at.last_event_id);
}

void put_event(wire::array& out, const new_event& event, std::size_t lane_at, std::int64_t nth)
{
    wire::array::row{out, 11}
        .int4(static_cast<std::int32_t>(lane_at) + 1)
        .int4(event.schema_version)
        .int8(nth)
        .int8(event.version)
        .uuid(event.event_id)
        .uuid(event.stream.tenant)
        .uuid(event.stream.id)
        .text(event.stream.category)
        .text(event.type)
        .text(event.data, wire::json_oid)
        .text(event.meta, wire::json_oid);
}

void put_receipt(wire::array& out, const receipt& kept)
{
    wire::array::row row{out, 10};
    row.int2(static_cast<std::int16_t>(kept.kept_as)).int2(kept.status).int8(kept.version).uuid(kept.tenant);
    row.uuid(kept.shows.id);
    if (kept.shows.tenant == kept.tenant)
        row.null(wire::uuid_oid);
    else
        row.uuid(kept.shows.tenant);
    row.text(kept.key).text(kept.shows.category).text(kept.principal).bytes(bytes(kept.fingerprint));
}

void put_claim(wire::array& out, const claim_change& change)
{
    wire::array::row{out, 7}
        .boolean(change.take)
        .uuid(change.tenant)
        .text(change.scope)
        .bytes(bytes(change.value))
        .uuid(change.owner.tenant)
        .text(change.owner.category)
        .uuid(change.owner.id);
}

// Always in the same order, so that two rounds never wait for each other's values; a release stays before a take of
// the same value.
std::vector<claim_change> in_order(std::vector<claim_change> changes)
{
    std::stable_sort(changes.begin(), changes.end(), [](const claim_change& a, const claim_change& b) {
        return std::tie(a.tenant, a.scope, a.value) < std::tie(b.tenant, b.scope, b.value);
    });
    return changes;
}

void put_quota(wire::array& out, const quota_change& change)
{
    wire::array::row{out, 5}
        .uuid(change.tenant)
        .text(change.metric)
        .int8(change.delta)
        .int8(change.limit)
        .int8(change.floor);
}

void put_key(wire::array& out, const subject_key& key)
{
    wire::array::row{out, 4}.uuid(key.tenant).uuid(key.subject).int4(key.version).bytes(key.wrapped);
}

void put_tenant(wire::array& out, const uuid& tenant, std::size_t lane_at, const std::string* wrapped_key)
{
    wire::array::row row{out, 3};
    row.int4(static_cast<std::int32_t>(lane_at) + 1).uuid(tenant);
    if (wrapped_key != nullptr)
        row.bytes(*wrapped_key);
    else
        row.null(wire::bytea_oid);
}

void put_born(wire::array& out, const new_tenant& born, const lanes& all)
{
    put_tenant(out, born.tenant, index_of(all, born.lane), &born.wrapped_key);
}

std::string lanes_parameter(const lanes& all)
{
    wire::array out{wire::int4_oid};
    for (const std::int32_t lane : all)
        out.int4(lane);
    return out.take();
}

// The tenants that must live where the round says; those born in it are not there yet.
std::string tenants_parameter(const round& asked, const lanes& all, wire::oid type)
{
    std::set<uuid> born;
    std::map<uuid, std::int32_t> named;
    for (const command_part& part : asked.commands)
    {
        if (part.tenant_born)
            born.insert(part.tenant_born->tenant);
        if (writes(part))
            named.emplace(part.tenant, part.lane);
    }
    wire::array out{type};
    for (const auto& [tenant, lane] : named)
        if (!born.contains(tenant))
            put_tenant(out, tenant, index_of(all, lane), nullptr);
    return out.take();
}

// The streams as this command leaves them, event by event. Commands look at few streams: searching beats hashing.
void check_versions(const command_part& part)
{
    const auto index_in_expected = [&](const stream_key& stream) {
        std::size_t at = 0;
        while (at < part.expected.size() && part.expected[at].stream != stream)
            ++at;
        return at;
    };
    std::vector<std::int64_t> versions;
    for (const expected_head& expected : part.expected)
    {
        CF_ASSERT(index_in_expected(expected.stream) == versions.size());
        versions.push_back(expected.at.version);
    }
    for (const new_event& event : part.events)
    {
        const std::size_t at = index_in_expected(event.stream);
        CF_ASSERT(at < versions.size() && event.version == versions[at] + 1);
        versions[at] = event.version;
    }
    for (std::size_t i = 0; i < part.quotas.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            CF_ASSERT(part.quotas[i].tenant != part.quotas[j].tenant || part.quotas[i].metric != part.quotas[j].metric);
}

void check_groups(const round& asked)
{
    std::set<std::int32_t> closed;
    std::int32_t open = 0;
    for (const command_part& part : asked.commands)
    {
        if (part.group == open)
            continue;
        CF_ASSERT(part.group >= 0 && !closed.contains(part.group));
        if (open != 0)
            closed.insert(open);
        open = part.group;
    }
}

// Compares what commands build on inside the round, and gathers what they expect from outside.
class heads_inside
{
public:
    heads_inside(round_plan& plan, std::size_t commands) : plan_(plan)
    {
        now_.reserve(2 * commands);  // most write one stream and rest on their organisation
        plan_.outside.reserve(2 * commands);
    }

    void take(const command_part& part)
    {
        std::vector<std::size_t> rests_on;
        bool contradicts = false;
        for (const expected_head& expected : part.expected)
        {
            const auto [known, first] = now_.try_emplace(&expected.stream, entry{expected.at, plan_.outside.size()});
            if (first)
            {
                plan_.outside.push_back(&expected);
                looked_up_.push_back(!born_by(part, expected));
            }
            contradicts = contradicts || known->second.at != expected.at;
            if (!plan_.writes)
                rests_on.push_back(known->second.outside);
        }
        for (const new_event& event : part.events)
            now_.at(&event.stream).at = {event.version, event.event_id};
        plan_.rests_on.push_back(std::move(rests_on));
        plan_.contradicts.push_back(contradicts);
        plan_.needs_care = plan_.needs_care || contradicts;
    }

    std::string parameter(wire::oid type) const
    {
        wire::array out{type};
        for (std::size_t i = 0; i < plan_.outside.size(); ++i)
            if (looked_up_[i])
                put_head(out, *plan_.outside[i]);
        return out.take();
    }

private:
    struct entry
    {
        head at;
        std::size_t outside = 0;
    };

    // Streams by what they are, kept in the round they came in.
    struct hash_of_stream
    {
        std::size_t operator()(const stream_key* key) const noexcept { return std::hash<stream_key>{}(*key); }
    };
    struct same_stream
    {
        bool operator()(const stream_key* a, const stream_key* b) const { return a->id == b->id && *a == *b; }
    };

    // A stream begun by this command: its version 1 collides in the unique index if it was there already.
    static bool born_by(const command_part& part, const expected_head& expected)
    {
        return expected.at.version == 0 &&
               std::any_of(part.events.begin(), part.events.end(),
                           [&](const new_event& event) { return event.stream == expected.stream; });
    }

    round_plan& plan_;
    std::unordered_map<const stream_key*, entry, hash_of_stream, same_stream> now_;
    std::vector<bool> looked_up_;
};

// Claims touched twice in a round depend on the order of its commands: the careful path keeps it.
bool touches_a_claim_twice(const round& asked)
{
    std::set<std::tuple<uuid, std::string_view, claim_hash>> touched;
    for (const command_part& part : asked.commands)
        for (const claim_change& change : part.claims)
            if (!touched.emplace(change.tenant, change.scope, change.value).second)
                return true;
    return false;
}

// The same fresh key may come with every command that sealed something with it; two different ones may not.
struct keys_once
{
    std::map<std::tuple<uuid, uuid, std::int32_t>, std::string_view> seen;
    bool differ = false;

    bool first(const subject_key& key)
    {
        const auto [at, inserted] = seen.try_emplace({key.tenant, key.subject, key.version}, key.wrapped);
        differ = differ || at->second != key.wrapped;
        return inserted;
    }
};
}  // namespace

round_plan plan_round(const round& asked, const type_numbers& types)
{
    round_plan plan;
    plan.lanes = lanes_of(asked);
    plan.writes = std::any_of(asked.commands.begin(), asked.commands.end(), writes);
    plan.lasts.reserve(asked.commands.size());
    check_groups(asked);

    wire::array events{types.at("event_in")}, receipts{types.at("receipt_in")}, claims{types.at("claim_in")},
        quotas{types.at("quota_in")}, keys{types.at("key_in")}, born{types.at("tenant_in")};
    std::vector<std::int64_t> written(plan.lanes.size());
    heads_inside heads{plan, asked.commands.size()};
    keys_once once;
    std::vector<claim_change> all_claims;
    for (const command_part& part : asked.commands)
    {
        check_versions(part);
        heads.take(part);
        round_plan::place last{index_of(plan.lanes, part.lane), 0};
        last.nth = written[last.lane_at];
        for (const new_event& event : part.events)
        {
            last.lane_at = index_of(plan.lanes, lane_of(part, event.stream.tenant));
            last.nth = ++written[last.lane_at];
            put_event(events, event, last.lane_at, last.nth);
        }
        plan.lasts.push_back(last);
        if (part.remember)
            put_receipt(receipts, *part.remember);
        all_claims.insert(all_claims.end(), part.claims.begin(), part.claims.end());
        for (const quota_change& change : part.quotas)
            put_quota(quotas, change);
        for (const subject_key& key : part.subject_keys)
            if (once.first(key))
                put_key(keys, key);
        if (part.tenant_born)
            put_born(born, *part.tenant_born, plan.lanes);
    }
    for (const claim_change& change : in_order(std::move(all_claims)))
        put_claim(claims, change);
    plan.needs_care = plan.needs_care || once.differ || touches_a_claim_twice(asked);
    plan.fast = {lanes_parameter(plan.lanes),
                 tenants_parameter(asked, plan.lanes, types.at("tenant_in")),
                 events.take(),
                 heads.parameter(types.at("head_in")),
                 receipts.take(),
                 claims.take(),
                 quotas.take(),
                 keys.take(),
                 born.take()};
    return plan;
}

std::vector<std::string> rehearsal_parameters(const command_part& asked, const type_numbers& types)
{
    wire::array heads{types.at("head_in")}, claims{types.at("claim_in")}, quotas{types.at("quota_in")};
    for (const expected_head& expected : asked.expected)
        put_head(heads, expected);
    for (const claim_change& change : in_order(asked.claims))
        put_claim(claims, change);
    for (const quota_change& change : asked.quotas)
        put_quota(quotas, change);
    return {wire::int4_parameter(asked.lane), heads.take(), claims.take(), quotas.take()};
}

std::vector<std::string> careful_parameters(const round& asked, const round_plan& plan, const type_numbers& types)
{
    wire::array commands{types.at("command_in")}, events{types.at("event_in")}, heads{types.at("head_in")},
        receipts{types.at("receipt_in")}, claims{types.at("claim_in")}, quotas{types.at("quota_in")},
        keys{types.at("key_in")}, born{types.at("tenant_in")};
    for (const command_part& part : asked.commands)
    {
        for (const new_event& event : part.events)
            put_event(events, event, index_of(plan.lanes, lane_of(part, event.stream.tenant)), 0);
        for (const expected_head& expected : part.expected)
            put_head(heads, expected);
        if (part.remember)
            put_receipt(receipts, *part.remember);
        for (const claim_change& change : in_order(part.claims))
            put_claim(claims, change);
        for (const quota_change& change : part.quotas)
            put_quota(quotas, change);
        for (const subject_key& key : part.subject_keys)
            put_key(keys, key);
        if (part.tenant_born)
            put_born(born, *part.tenant_born, plan.lanes);
        wire::array::row{commands, 9}
            .int4(static_cast<std::int32_t>(index_of(plan.lanes, part.lane)) + 1)
            .int4(part.group)
            .int4(events.size())
            .int4(heads.size())
            .int4(receipts.size())
            .int4(claims.size())
            .int4(quotas.size())
            .int4(keys.size())
            .int4(born.size());
    }
    return {lanes_parameter(plan.lanes),
            tenants_parameter(asked, plan.lanes, types.at("tenant_in")),
            commands.take(),
            events.take(),
            heads.take(),
            receipts.take(),
            claims.take(),
            quotas.take(),
            keys.take(),
            born.take()};
}
}  // namespace event_log
