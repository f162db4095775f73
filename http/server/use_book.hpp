// What was counted of each key's use and is not known to be kept yet: by quarters of an hour, in numbered sendings.
//
// A sending whose answer was lost stays as it is and is sent again under its number, so that whoever keeps it can tell
// that it was kept before. Everything counted meanwhile waits for the next one, each quarter for itself: calls of an
// outage stand where they were made. Memory is bounded by `entries_max`; beyond it nothing is lost, but counted later.
// Serves one thread. Pure.
#pragma once

#include "events/api_key.hpp"
#include "schemas/time.hpp"
#include "schemas/uuid.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <tuple>
#include <vector>

namespace http
{
struct key_calls
{
    schema::uuid tenant;
    api_key::key_id key;
    schema::moment last_used_at;  // within one quarter of an hour
    std::uint64_t calls = 0;
};

// The same number always holds the same uses.
struct use_sending
{
    std::int64_t number = 0;  // from 1 on
    std::vector<key_calls> uses;
};

class use_book
{
public:
    static constexpr std::size_t entries_max = 200'000;         // keys by quarters, that wait
    static constexpr std::size_t sending_entries_max = 10'000;  // in one sending

    explicit use_book(std::size_t waiting_max = entries_max) : waiting_max_(waiting_max) {}

    // False: full, and not counted.
    bool note(const key_calls&);

    // The one that is under way, or a new one; nothing: there is nothing to send.
    const use_sending* next();
    // The one under way was kept.
    void kept();

private:
    using place = std::tuple<std::int64_t, schema::uuid, schema::uuid>;  // the quarter, the tenant, the key

    const std::size_t waiting_max_;
    std::map<place, key_calls> waiting_;
    std::optional<use_sending> under_way_;
    std::int64_t last_number_ = 0;
};
}  // namespace http
