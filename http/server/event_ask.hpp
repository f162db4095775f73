// What streams and polls have in common: the place asked for, the filter, and how an exchange waits for news.
#pragma once

#include "http/server/live.hpp"
#include "http/server/position_token.hpp"
#include "http/server/route.hpp"
#include "http/server/shown_event.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string_view>

namespace http
{
struct event_ask
{
    bool from_first = false;  // `after=` without a value: everything there ever was
    std::optional<position_token> after;
    type_filter types;
    std::int64_t limit = 50;
};

// Reads `names` out of the query string (limit, after, types, ticket), and Last-Event-ID when `header_wins`. Nothing:
// refused.
std::optional<event_ask> read_event_ask(call&, const std::set<std::string_view>& names, bool header_wins);

// Where in the lane that is.
struct starting_place
{
    enum class kind
    {
        place,
        other_history,  // a place of another incarnation, or behind the end: the store was set back
        other_lane      // never handed out to this tenant
    };
    kind what = kind::place;
    std::int64_t seq = 0;
};
starting_place find_start(const event_ask&, const principal&, const event_feed::fan_out::look&, bool from_end);

// Between whoever brings news and an exchange that is parked for them, which may be woken once per parking. Armed
// before one looks, so that no news are lost in between.
class gate
{
public:
    void arm(waker);
    // False: it has fired, and the wake is on its way.
    bool disarm();
    // From now on every `fire` wakes.
    void open(waker);
    void fire();  // any thread

private:
    std::mutex mutex_;
    waker to_;              // guarded by mutex_
    bool armed_ = false;    // guarded by mutex_
    bool is_open_ = false;  // guarded by mutex_
};
}  // namespace http
