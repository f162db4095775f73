// The opaque Clientflow-Position: where in the log an answer stands, to be handed back by the client.
//
// Clients see base64url and must not look inside. A token carries the store's incarnation, because after a restore the
// same place may hold another event, and a checksum, because half a token reads as an older place. It names more than
// one lane for a client with keys of several organisations: whoever hands back what it was last told gets a token with
// all of it, and a read waits for the lane that it shows. Those that reads and writes are answered with carry a code
// (HMAC) under a secret of the store's master key, and only what was given so is carried on: a made-up place, or one of
// another installation, stands in no answer. A token without a code (ids of events, positions of streams and polls,
// tokens of older versions) is believed of the lane that its read shows and goes no further; making one up only makes
// one's own read wait, and a read waits so long at most. Pure.
#pragma once

#include "events/log/envelope.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace event_log
{
class keyring;
}

namespace http
{
// The same for every node of an installation.
std::string position_secret(const event_log::keyring&);

struct position_token
{
    static constexpr std::size_t lanes_max = 16;
    static constexpr std::size_t incarnation_bytes_max = 64;

    std::string incarnation;  // "<timeline>.<number>"
    event_log::position at;
    std::vector<event_log::position> elsewhere{};  // one of each other lane, lanes ascending

    std::optional<event_log::position> in(std::int32_t lane) const;
    friend bool operator==(const position_token&, const position_token&) = default;
};

// At most 256 characters; what of `elsewhere` does not fit is left out. Without a code.
std::string write_position(const position_token&);
// With a code under the secret.
std::string sign_position(const position_token&, std::string_view secret);
// With a code or without, whosever the code is.
std::optional<position_token> read_position(std::string_view);

// All that a client hands back, in one token or a list of them.
struct positions_told
{
    static constexpr std::size_t tokens_max = 16;

    bool foreign = false;                    // some of it is of another incarnation or installation, and says nothing
    std::vector<event_log::position> at;     // of the others the furthest of each lane, lanes ascending
    std::vector<event_log::position> given;  // of those with our code

    std::optional<event_log::position> in(std::int32_t lane) const;
    std::optional<event_log::position> given_in(std::int32_t lane) const;
};
// Nothing: one of them is no token, or there are too many.
std::optional<positions_told> read_positions(std::string_view list, std::string_view incarnation,
                                             std::string_view secret);

// An answer's position, with what its client was given of other lanes before.
std::string sign_position(std::string incarnation, const event_log::position&, const positions_told&,
                          std::string_view secret);
}  // namespace http
