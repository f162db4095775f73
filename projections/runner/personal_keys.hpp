// The keys that open the personal values of a batch, fetched once per tenant and subject.
//
// A subject without a key in the store is forgotten: its values read as forgotten, also in every later batch. Serves
// one thread; the keyring is shared.
#pragma once

#include "events/log/seal.hpp"
#include "projections/runner/folding.hpp"

#include <span>

namespace projection
{
class personal_keys
{
public:
    personal_keys(event_log::keyring&, event_log::store_config);

    // Makes sure that the keyring knows every tenant and subject whose values these events hold, as long as the answer
    // is kept. Throws what the event store throws.
    [[nodiscard]] event_log::keyring::held fetch(std::span<const recorded>);

    // For events that were fetched for, and whose keys are held.
    opening open() const;

private:
    event_log::keyring& ring_;
    event_log::store store_;
};
}  // namespace projection
