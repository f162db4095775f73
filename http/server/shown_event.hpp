// An event as streams and polls show it: one line of CloudEvents JSON inside a block of server-sent events.
//
// The block is made once per event and written to every stream as it is; a poll takes the line out of it. Everything
// but `event_presenter` is pure. Source: WHATWG HTML, server-sent events.
#pragma once

#include "events/feed/fan_out.hpp"
#include "projections/runner/personal_keys.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace http
{
// Opens what is sealed, one tenant's key at a time. Has a store connection; one thread.
class event_presenter final : public event_feed::presenter
{
public:
    event_presenter(event_log::keyring&, event_log::store_config);

    [[nodiscard]] std::shared_ptr<const void> prepare(std::span<const event_log::recorded>) override;
    event_feed::shown show(const event_log::recorded&, std::string_view incarnation) override;

private:
    projection::personal_keys keys_;
    projection::opening open_;
};

// With the place of the event as `id`.
event_feed::shown_event show_event(std::string_view type, std::string_view json, std::string_view incarnation,
                                   const event_log::position&);

// The other blocks of a stream. `place`: a position token.
std::string first_block(std::string_view place, int retry_ms);
std::string comment_block(std::string_view place);
std::string reset_block(std::string_view place);
std::string cut_block(std::string_view place, std::string_view reason);

// `types=project.*,task.completed`: names, a noun and a star, or a star alone. Empty: everything.
class type_filter
{
public:
    static constexpr std::size_t patterns_max = 50;

    // Nothing: it is none.
    static std::optional<type_filter> read(std::string_view);
    bool takes(std::string_view type) const;
    bool takes_all() const { return takes_all_; }

private:
    std::vector<std::string> exact_;
    std::vector<std::string> beginnings_;  // "project."
    bool takes_all_ = true;
};
}  // namespace http
