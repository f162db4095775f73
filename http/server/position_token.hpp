// The opaque Clientflow-Position: where in the log an answer stands, to be handed back by the client.
//
// Clients see base64url and must not look inside. A token carries the store's incarnation, because after a restore the
// same place may hold another event. Pure.
#pragma once

#include "events/log/envelope.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace http
{
struct position_token
{
    std::string incarnation;  // "<timeline>.<number>"
    event_log::position at;
    friend bool operator==(const position_token&, const position_token&) = default;
};

std::string write_position(const position_token&);  // at most 256 characters
std::optional<position_token> read_position(std::string_view);
}  // namespace http
