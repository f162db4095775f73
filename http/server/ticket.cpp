#include "http/server/ticket.hpp"

#include "schemas/text.hpp"

#include <pqxx/pqxx>

namespace http
{
namespace
{
constexpr std::string_view mark = "cf_tkt_";
constexpr std::string_view purpose = "event stream ticket";  // associated data
constexpr std::size_t digest_bytes = 32;
constexpr std::size_t time_bytes = 8;
constexpr std::size_t text_bytes_max = 200;
constexpr std::chrono::milliseconds deadline{2'000};

std::string big_endian(std::int64_t value)
{
    std::string out(time_bytes, '\0');
    for (std::size_t i = 0; i < time_bytes; ++i)
        out[i] = static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * (time_bytes - 1 - i)));
    return out;
}

std::int64_t from_big_endian(std::string_view bytes)
{
    std::uint64_t value = 0;
    for (const char each : bytes)
        value = value << 8 | static_cast<std::uint8_t>(each);
    return static_cast<std::int64_t>(value);
}
}  // namespace

event_log::secret_key ticket_secret(const event_log::keyring& ring)
{
    const auto bytes = ring.hash_claim(event_log::platform_tenant, "ticket.secret", "1");
    return event_log::secret_key{{reinterpret_cast<const char*>(bytes.data()), bytes.size()}};
}

std::string seal_ticket(const event_log::secret_key& key, std::string_view key_digest, schema::moment expires_at)
{
    const auto digest = schema::from_hex(key_digest).value_or("");
    const auto sealed = event_log::encrypt(key, purpose, big_endian(expires_at.us) + digest);
    return std::string{mark} + schema::base64url(std::string{sealed.nonce.data(), sealed.nonce.size()} + sealed.text);
}

std::optional<ticket> open_ticket(const event_log::secret_key& key, std::string_view text, schema::moment now)
{
    if (!text.starts_with(mark) || text.size() > text_bytes_max)
        return std::nullopt;
    const auto bytes = schema::from_base64url(text.substr(mark.size()));
    if (!bytes || bytes->size() != event_log::nonce_bytes + time_bytes + digest_bytes + event_log::tag_bytes)
        return std::nullopt;
    const auto all = std::string_view{*bytes};
    const auto clear =
        event_log::decrypt(key, purpose, all.substr(0, event_log::nonce_bytes), all.substr(event_log::nonce_bytes));
    if (!clear)
        return std::nullopt;
    ticket made{std::string{all.substr(0, event_log::nonce_bytes)}, schema::hex(clear->substr(time_bytes)),
                schema::moment{from_big_endian(clear->substr(0, time_bytes))}};
    if (made.expires_at <= now)
        return std::nullopt;
    return made;
}

ticket_register::ticket_register(event_log::store_config store)
    : config_(std::move(store)), guard_(config_.guard ? config_.guard : std::make_shared<event_log::watchdog>())
{}

ticket_register::~ticket_register() = default;

bool ticket_register::use(const ticket& one)
{
    if (!connection_ || connection_->lost())
    {
        event_log::connection_config config;
        config.dsn = config_.dsn;
        config.password_file = config_.password_file;
        config.application_name = "clientflow tickets";
        connection_ = std::make_unique<event_log::connection>(config, guard_);
    }
    try
    {
        const event_log::connection::deadline until{*connection_, deadline};
        pqxx::nontransaction work{connection_->raw()};
        const auto rows = work.exec_params("select read.use_ticket($1::bytea, $2::timestamptz)",
                                           "\\x" + schema::hex(one.id), one.expires_at.text());
        return rows.at(0).at(0).as<bool>();
    }
    catch (const std::exception& problem)
    {
        const auto why = event_log::understand(problem, *connection_);
        connection_.reset();
        throw event_log::unreachable{"a ticket cannot be checked: " + why.message};
    }
}
}  // namespace http
