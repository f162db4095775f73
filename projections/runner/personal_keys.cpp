#include "projections/runner/personal_keys.hpp"

#include <functional>
#include <map>
#include <set>
#include <stdexcept>
#include <vector>

namespace projection
{
namespace
{
bool holds_personal(const recorded& happened) { return happened.data.find("\"$sealed\"") != std::string::npos; }

// A damaged key stays unlearned: it stops the rows that need it, when they are folded.
bool is_learned(const std::function<void()>& learn)
{
    try
    {
        learn();
        return true;
    }
    catch (const std::runtime_error&)
    {
        return false;
    }
}
}  // namespace

personal_keys::personal_keys(event_log::keyring& ring, event_log::store_config config)
    : ring_(ring), store_(std::move(config))
{}

event_log::keyring::held personal_keys::fetch(std::span<const recorded> events)
{
    auto held = ring_.hold();
    std::map<uuid, std::set<uuid>> unknown;
    for (const auto& happened : events)
    {
        if (!holds_personal(happened))
            continue;
        const auto& tenant = happened.stream.tenant;
        for (const auto& subject : event_log::subjects_in({&happened, 1}))
            if (!ring_.knows_subject(tenant, subject))
                unknown[tenant].insert(subject);
    }

    for (const auto& [tenant, subjects] : unknown)
    {
        if (!ring_.knows_tenant(tenant))
            if (const auto entry = store_.find_tenant(tenant))
                if (!is_learned([&] { ring_.learn_tenant(*entry); }))
                    continue;
        const std::vector<uuid> asked{subjects.begin(), subjects.end()};
        std::set<uuid> absent = subjects;
        for (const auto& key : store_.subject_keys(tenant, asked))
        {
            is_learned([&] { ring_.learn_subject(key); });
            absent.erase(key.subject);
        }
        for (const auto& subject : absent)
            ring_.learn_absent(tenant, subject);
    }
    return held;
}

opening personal_keys::open() const
{
    return [&ring = ring_](const recorded& happened) -> std::unique_ptr<schema::opener> {
        if (!holds_personal(happened))
            return nullptr;
        return ring.opener_for(happened.stream.tenant, happened.event_id);
    };
}
}  // namespace projection
