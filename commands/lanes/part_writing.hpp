// Turns decided commands into what the store appends: events as JSON with personal values sealed, and all that must
// hold.
#pragma once

#include "commands/lanes/entry.hpp"
#include "commands/lanes/sealing_keys.hpp"
#include "events/log/store.hpp"

#include <vector>

namespace lanes
{
class part_writer
{
public:
    explicit part_writer(sealing_keys& keys) : keys_(&keys) {}

    // The part of an accepted or refused entry. Appends to `lacking` the subjects of its values that have no key: the
    // part is then good for nothing, and is written again once `sealing_keys::learn_or_make` has been asked. Throws
    // std::logic_error for a decision that no store can take.
    event_log::command_part write(const entry&, std::vector<subject_ref>& lacking);

private:
    void write_quotas(const entry&, event_log::command_part&) const;
    void write_claims(const entry&, event_log::command_part&) const;
    void write_events(const entry&, event_log::command_part&, std::vector<subject_ref>& lacking);

    sealing_keys* keys_;
};

// Whether the store has anything to check or write for it.
bool has_part(const entry&);
}  // namespace lanes
