// See scram.hpp.
#include "tools/clientflow/scram.hpp"

#include "schemas/text.hpp"

#include <array>

namespace cli
{
namespace
{
constexpr int iterations = 4096;

std::string bytes_of(const schema::digest& given) { return {given.begin(), given.end()}; }

// PBKDF2 (RFC 8018) for one block of output: Hi() of RFC 5802.
std::string salted(std::string_view password, const std::string& salt)
{
    auto step = schema::hmac_sha256(password, salt + std::string("\0\0\0\1", 4));
    auto all = step;
    for (int i = 1; i < iterations; ++i)
    {
        step = schema::hmac_sha256(password, bytes_of(step));
        for (std::size_t at = 0; at < all.size(); ++at)
            all[at] ^= step[at];
    }
    return bytes_of(all);
}
}  // namespace

std::string scram_verifier(std::string_view password)
{
    std::array<std::uint8_t, 16> random{};
    schema::random_bytes(random);
    const std::string salt{random.begin(), random.end()};
    const auto key = salted(password, salt);
    const auto client_key = bytes_of(schema::hmac_sha256(key, "Client Key"));
    const auto stored_key = bytes_of(schema::sha256(client_key));
    const auto server_key = bytes_of(schema::hmac_sha256(key, "Server Key"));
    return "SCRAM-SHA-256$" + std::to_string(iterations) + ':' + schema::base64(salt) + '$' +
           schema::base64(stored_key) + ':' + schema::base64(server_key);
}
}  // namespace cli
