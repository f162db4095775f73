// The keys that a round seals personal values with: those in the keyring, and fresh ones.
//
// A fresh key is appended by every command of the round that seals with it, because any one of them may be refused; the
// keyring learns it once a command that carries it has been accepted. One thread.
#pragma once

#include "events/log/seal.hpp"
#include "events/log/store.hpp"
#include "schemas/sealing.hpp"

#include <compare>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lanes
{
using schema::uuid;

struct subject_ref
{
    uuid tenant;
    uuid subject;
    friend auto operator<=>(const subject_ref&, const subject_ref&) = default;
};

class sealing_keys
{
public:
    explicit sealing_keys(event_log::keyring& keys) : keys_(&keys) {}

    bool has(const subject_ref&) const;
    // The key made in this round; null when the subject's key is an older one.
    const event_log::subject_key* fresh(const subject_ref&) const;
    void make(const subject_ref&);

    // Learns the keys that the store has, a call per tenant, and makes the others. Throws what the store throws.
    void learn_or_make(std::span<const subject_ref>, event_log::store&);

    event_log::keyring& ring() const { return *keys_; }

private:
    event_log::keyring* keys_;
    std::map<subject_ref, event_log::subject_key> fresh_;
};

// Seals one event's values. A subject without a key is noted and its value left out: the text is then good for nothing
// and is written again once the keys are there. A subject among `newborn` gets its key at once.
class event_sealer final : public schema::sealer
{
public:
    event_sealer(sealing_keys& keys, const uuid& tenant, const uuid& event, std::span<const uuid> newborn)
        : keys_(&keys), tenant_(tenant), event_(event), newborn_(newborn)
    {}

    void seal(const uuid& subject, std::string_view pointer, std::string_view clear, std::string& out) override;

    const std::vector<uuid>& lacking() const { return lacking_; }
    const std::vector<event_log::subject_key>& fresh() const { return fresh_; }  // made in this round and used here

private:
    sealing_keys* keys_;
    uuid tenant_;
    uuid event_;
    std::span<const uuid> newborn_;
    std::unique_ptr<schema::sealer> with_;
    std::vector<uuid> lacking_;
    std::vector<event_log::subject_key> fresh_;
};
}  // namespace lanes
