#include "tests/unit/commands/world.hpp"

#include "commands/catalogue.hpp"

#include <stdexcept>

namespace testing
{
namespace
{
const lanes::aggregate_type& aggregate_named(std::string_view category)
{
    if (const auto* found = rules::aggregate_named(category))
        return *found;
    throw std::logic_error("no noun is called " + std::string(category));
}

lanes::origin origin_of(event_log::actor_type type, std::string name)
{
    lanes::origin made;
    made.tenant = world::org_id().value;
    made.by = {type, std::move(name)};
    made.now = noon;
    made.occurred_at = noon;
    return made;
}

template <class Each, class Spell>
std::string joined(const Each& list, Spell spell)
{
    std::string text;
    for (const auto& each : list)
        text += (text.empty() ? "" : ", ") + spell(each);
    return text;
}
}  // namespace

schema::uuid nth(std::uint8_t n)
{
    schema::uuid made;
    made.bytes[0] = 1;
    made.bytes[15] = n;
    return made;
}

lanes::origin by_key() { return origin_of(event_log::actor_type::key, "key"); }
lanes::origin by_operator() { return origin_of(event_log::actor_type::operator_, "ops"); }

lanes::origin by_member(const member::member_id& who)
{
    auto made = by_key();
    made.member = who.value;
    return made;
}

world::world(org::plan plan)
{
    auto birth = founding();
    birth.plan = plan;
    given(birth, by_operator());
}

org::found world::founding()
{
    org::found birth;
    birth.id = org_id();
    birth.slug = "acme";
    birth.name = "Acme";
    birth.owner_id = owner_id();
    birth.owner_email = "ann@acme.test";
    birth.owner_name = "Ann";
    birth.first_key_id = key_id();
    birth.key_digest = "d1";
    birth.key_prefix = "cf_live_abcd";
    return birth;
}

std::int64_t world::version(std::string_view category, const schema::uuid& stream) const
{
    const auto found = streams_.find({std::string(category), stream});
    return found == streams_.end() ? 0 : found->second.version;
}

const void* world::find(const lanes::aggregate_type& type, const schema::uuid& stream)
{
    auto& found = streams_[{std::string(type.category), stream}];
    if (!found.state)
        found.state = type.initial();
    return found.state.get();
}

void world::keep(const lanes::decision& decided, const lanes::origin& from)
{
    for (const lanes::fact& fact : decided.facts)
    {
        const auto& type = aggregate_named(fact.stream.category);
        find(type, fact.stream.id);
        auto& now = streams_[{fact.stream.category, fact.stream.id}];
        ++now.version;
        const lanes::stamp at{now.version, from.occurred_at, from.by};

        event_log::recorded stored;
        stored.type = fact.type->name;
        schema::write_json(*fact.type, fact.alternative.get(), stored.data);
        const auto told = type.evolve(now.state.get(), fact.variant.get(), at);
        now.state = type.evolve_recorded(now.state.get(), stored, at, nullptr);
        if (type.render(told.get()) != type.render(now.state.get()))
            throw std::logic_error("the fact is not what its JSON says: " + stored.type + ' ' + stored.data);
    }
}

void world::unexpected(const lanes::refusal& refused)
{
    std::string why = refused.code + ": " + refused.detail;
    for (const auto& fault : refused.faults)
        why += ' ' + fault.where + ' ' + std::string(fault.code);
    throw std::logic_error("what was given was refused: " + why);
}

std::string outcome(const lanes::decided& decided)
{
    if (!decided)
        return decided.error().code;
    return joined(decided->facts, [](const lanes::fact& fact) { return std::string(fact.type->name); });
}

std::string faults_of(const lanes::decided& decided)
{
    if (decided)
        return "accepted";
    return joined(decided.error().faults,
                  [](const schema::fault& fault) { return fault.where + ' ' + std::string(fault.code); });
}

std::string quotas_of(const lanes::decided& decided)
{
    if (!decided)
        return "refused";
    return joined(decided->quotas, [](const lanes::quota& quota) {
        std::string text = (quota.delta > 0 ? "+" : "") + std::to_string(quota.delta) + ' ' + quota.metric;
        if (quota.limit)
            text += " up to " + std::to_string(*quota.limit);
        if (quota.floor)
            text += " down to " + std::to_string(*quota.floor);
        return text;
    });
}

std::string claims_of(const lanes::decided& decided)
{
    if (!decided)
        return "refused";
    return joined(decided->claims, [&](const lanes::claim& claim) {
        const auto owner = claim.owner.value_or(decided->shows);
        return (claim.take ? "+" : "-") + claim.scope + ' ' + claim.value + " of " + owner.category +
               (claim.platform_wide ? " platform-wide" : "");
    });
}

std::string allowed_by(const lanes::decided& decided)
{
    if (decided)
        return "accepted";
    return joined(decided.error().allowed_verbs, [](const std::string& verb) { return verb; });
}
}  // namespace testing
