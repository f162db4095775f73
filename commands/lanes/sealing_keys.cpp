#include "commands/lanes/sealing_keys.hpp"

#include <algorithm>
#include <stdexcept>

namespace lanes
{
namespace
{
// A subject whose key is damaged gets a fresh one for this round: the append refuses it, because there is a key
// already, and the next attempt is told of the damage before it can disturb its neighbours.
void learn_if_whole(event_log::keyring& keys, const event_log::subject_key& key)
{
    try
    {
        keys.learn_subject(key);
    }
    catch (const std::runtime_error&)
    {}
}
}  // namespace

bool sealing_keys::has(const subject_ref& whose) const
{
    return fresh_.contains(whose) || keys_->knows_subject(whose.tenant, whose.subject);
}

const event_log::subject_key* sealing_keys::fresh(const subject_ref& whose) const
{
    const auto place = fresh_.find(whose);
    return place == fresh_.end() ? nullptr : &place->second;
}

void sealing_keys::make(const subject_ref& whose)
{
    if (!fresh_.contains(whose))
        fresh_.emplace(whose, keys_->make_subject_key(whose.tenant, whose.subject));
}

void sealing_keys::learn_or_make(std::span<const subject_ref> wanted, event_log::store& store)
{
    std::map<uuid, std::vector<uuid>> by_tenant;
    for (const subject_ref& each : wanted)
        by_tenant[each.tenant].push_back(each.subject);
    for (const auto& [tenant, subjects] : by_tenant)
        for (const auto& key : store.subject_keys(tenant, subjects))
            learn_if_whole(*keys_, key);
    for (const subject_ref& each : wanted)
        if (!has(each))
            make(each);
}

void event_sealer::seal(const uuid& subject, std::string_view pointer, std::string_view clear, std::string& out)
{
    const subject_ref whose{tenant_, subject};
    if (!keys_->has(whose))
    {
        if (keys_->ring().is_damaged(tenant_, subject))
            throw std::runtime_error{"a subject's key is damaged"};
        if (std::find(newborn_.begin(), newborn_.end(), subject) == newborn_.end())
        {
            lacking_.push_back(subject);
            return;
        }
        keys_->make(whose);
    }
    const auto is_it = [&](const event_log::subject_key& key) { return key.subject == subject; };
    if (const auto* made = keys_->fresh(whose); made && std::none_of(fresh_.begin(), fresh_.end(), is_it))
    {
        fresh_.push_back(*made);
        with_.reset();  // it was given the keys as they were
    }
    if (!with_)
        with_ = keys_->ring().sealer_for(tenant_, event_, fresh_);
    with_->seal(subject, pointer, clear, out);
}
}  // namespace lanes
