#include "commands/lanes/part_writing.hpp"

#include "events/log/meta.hpp"
#include "schemas/record.hpp"
#include "schemas/text.hpp"

#include <algorithm>
#include <stdexcept>

namespace lanes
{
namespace
{
// The streams that this command brings to life: they may be subjects whose keys are born with them.
std::vector<uuid> newborn_of(const entry& e)
{
    std::vector<uuid> ids;
    if (e.what->load_first && !e.born)
        return ids;  // perhaps the key was there already: ask the store
    for (const placed& each : e.facts)
        if (each.version == 1)
            ids.push_back(each.what->stream.id);
    return ids;
}

event_log::receipt receipt_of(const entry& e, const decision& choice)
{
    const receipt_wanted& wanted = *e.asked().remember;
    event_log::receipt made;
    made.tenant = e.asked().tenant;
    made.key = wanted.key;
    made.principal = wanted.principal;
    made.fingerprint = wanted.fingerprint;
    made.status = choice.status;
    made.shows = choice.shows;
    made.version = e.shown.at.version;
    made.kept_as = wanted.kept_as;
    return made;
}

void take_keys(event_log::command_part& part, const event_sealer& sealer)
{
    for (const event_log::subject_key& key : sealer.fresh())
        if (std::none_of(part.subject_keys.begin(), part.subject_keys.end(),
                         [&](const auto& other) { return other.subject == key.subject; }))
            part.subject_keys.push_back(key);
}
}  // namespace

bool has_part(const entry& e)
{
    const bool accepted = e.at == entry::course::accepted;
    return (accepted || e.at == entry::course::refused) &&
           (!e.looked.empty() || (accepted && (e.asked().remember || !(*e.choice)->claims.empty())));
}

event_log::command_part part_writer::write(const entry& e, std::vector<subject_ref>& lacking)
{
    event_log::command_part part;
    part.tenant = e.asked().tenant;
    part.lane = e.lane;
    part.expected.reserve(e.looked.size());
    for (const sighting& each : e.looked)
        part.expected.push_back({each.stream.key(), each.was.at});
    if (e.at == entry::course::refused)
        return part;

    const decision& choice = **e.choice;
    part.tenant_born = e.born;
    if (e.asked().remember)
        part.remember = receipt_of(e, choice);
    write_quotas(e, part);
    write_claims(e, part);
    if (!e.asked().is_rehearsal)
        write_events(e, part, lacking);
    return part;
}

void part_writer::write_quotas(const entry& e, event_log::command_part& part) const
{
    for (const quota& each : (*e.choice)->quotas)
    {
        for (const event_log::quota_change& other : part.quotas)
            if (other.metric == each.metric)
                throw std::logic_error("a decider changed one quota twice: " + each.metric);
        part.quotas.push_back({e.asked().tenant, each.metric, each.delta, each.limit, each.floor});
    }
}

void part_writer::write_claims(const entry& e, event_log::command_part& part) const
{
    const decision& choice = **e.choice;
    for (const claim& each : choice.claims)
    {
        const uuid tenant = each.platform_wide ? event_log::platform_tenant : e.asked().tenant;
        const std::string value = each.is_digest ? each.value : schema::fold(schema::trim(each.value));
        part.claims.push_back({each.take, tenant, each.scope, keys_->ring().hash_claim(tenant, each.scope, value),
                               each.owner.value_or(choice.shows)});
    }
}

void part_writer::write_events(const entry& e, event_log::command_part& part, std::vector<subject_ref>& lacking)
{
    const uuid& tenant = e.asked().tenant;
    const uuid sender = e.asked().from.member.value_or(tenant);
    const std::vector<uuid> newborn = newborn_of(e);
    part.events.reserve(e.facts.size());
    for (const placed& each : e.facts)
    {
        event_log::new_event event;
        event.event_id = each.event_id;
        event.stream = each.what->stream;
        event.version = each.version;
        event.type = each.what->type->name;
        event.schema_version = each.what->type->version;

        event_sealer sealer(*keys_, tenant, each.event_id, newborn);
        schema::write_json(*each.what->type, each.what->alternative.get(), event.data, &sealer);
        event_log::write_meta(e.asked().meta, sender, event.meta, &sealer);
        take_keys(part, sealer);
        for (const uuid& subject : sealer.lacking())
            lacking.push_back({tenant, subject});
        part.events.push_back(std::move(event));
    }
}
}  // namespace lanes
