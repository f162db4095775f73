// Turns decided commands into what the store appends: events as JSON with personal values sealed, and all that must hold.
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

    enum class keys
    {
        being_gathered,
        all_there_are  // who has none now was forgotten
    };

    // The part of an accepted or refused entry. Appends to `lacking` the subjects of its values that have no key: the part
    // is then good for nothing, and is written again once `sealing_keys::provide` has been asked.
    event_log::command_part write(const entry&, std::vector<subject_ref>& lacking, keys are);

private:
    void write_claims(const entry&, event_log::command_part&) const;
    void write_events(const entry&, event_log::command_part&, std::vector<subject_ref>& lacking, keys are);
    void write_how(const entry&, event_log::new_event&, event_log::command_part&, const std::vector<uuid>& newborn,
                   std::vector<subject_ref>& lacking, keys are);

    sealing_keys* keys_;
};

// Whether the store has anything to check or write for it.
bool has_part(const entry&);
}  // namespace lanes
