// Tickets: what a browser puts into the address of a stream instead of a key, because EventSource sends no headers.
//
// A ticket is made without the store: the digest of the key and the time of its end, sealed with AES-256-GCM under a
// key that every process of the installation derives from the master key. So it can be used at another node, says
// nothing to whoever finds it in a log, and cannot be altered. Once is once because its nonce is written down when it
// is used (read.use_ticket). Source: NIST SP 800-38D.
#pragma once

#include "events/log/cipher.hpp"
#include "events/log/connection.hpp"
#include "events/log/seal.hpp"
#include "events/log/store.hpp"
#include "schemas/record.hpp"
#include "schemas/time.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace http
{
struct ticket
{
    std::string id;          // bytes
    std::string key_digest;  // of the key it was made with, hex
    schema::moment expires_at;
};

event_log::secret_key ticket_secret(const event_log::keyring&);

std::string seal_ticket(const event_log::secret_key&, std::string_view key_digest, schema::moment expires_at);
// Nothing: not one of ours, or its time is over.
std::optional<ticket> open_ticket(const event_log::secret_key&, std::string_view text, schema::moment now);

// Where used tickets are written down. One connection, one thread.
class ticket_register
{
public:
    explicit ticket_register(event_log::store_config);
    ~ticket_register();

    // False: it was used before, here or at another node. Throws event_log::unreachable.
    bool use(const ticket&);

private:
    const event_log::store_config config_;
    const std::shared_ptr<event_log::watchdog> guard_;
    std::unique_ptr<event_log::connection> connection_;
};

// The answer to who asks for one.
struct ticket_item
{
    std::string ticket;
    schema::moment expires_at;
};
}  // namespace http

template <>
inline constexpr schema::record_type schema::schema_of<http::ticket_item> = schema::record(
    "ticket", 1,
    schema::field<&http::ticket_item::ticket>("ticket", schema::secret{}, "For ?ticket= of the stream, once."),
    schema::field<&http::ticket_item::expires_at>("expires_at"));
