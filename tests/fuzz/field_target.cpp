// libFuzzer over what clients say in header fields: conditions, keys, preferences, media types, proxies.
//
// What holds for every input: nothing is read out of it that the contract does not know. Versions are whole and
// positive or nothing; a key is visible ASCII of bounded length, and bare what it is quoted; a client's address is an
// address or the peer.
#include "http/server/headers.hpp"
#include "http/server/network.hpp"
#include "schemas/assertion.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace
{
void check_conditions(std::string_view field)
{
    if (const auto wanted = http::read_if_match(field))
    {
        CF_ASSERT(!wanted->any || wanted->versions.empty());
        for (const std::int64_t version : wanted->versions)
            CF_ASSERT(version >= 0 && http::none_match_names(field, version));
    }
    static_cast<void>(http::none_match_names(field, 7));
}

void check_key(std::string_view field)
{
    const auto key = http::read_idempotency_key(field);
    if (!key)
        return;
    CF_ASSERT(!key->empty() && key->size() <= 255);
    CF_ASSERT(std::all_of(key->begin(), key->end(), [](char c) { return c > ' ' && c < 0x7f && c != '"'; }));
    const auto quoted = http::read_idempotency_key('"' + *key + '"');
    CF_ASSERT(quoted && *quoted == *key);
}

void check_wishes(std::string_view field)
{
    const auto wish = http::read_prefer(field);
    CF_ASSERT(!wish.wait || (wish.wait->count() >= 0 && wish.wait->count() <= 3'600));
    CF_ASSERT(http::read_traceparent(field).size() % 55 == 0);
    CF_ASSERT(!http::is_request_id(field) || (field.size() >= 8 && field.size() <= 128));
    static_cast<void>(http::accepts(field, "application/json"));
    static_cast<void>(http::takes_gzip(field));
    if (const auto type = http::media_type(field))
        CF_ASSERT(type->find(';') == std::string::npos && type->size() <= field.size());
}

void check_proxies(std::string_view field)
{
    const std::string peer = "10.0.0.1";
    const std::array trusted{http::read_block("10.0.0.0/8").value(), http::read_block("2001:db8::/32").value()};
    for (const auto& client :
         {http::client_of(peer, field, "", trusted), http::client_of(peer, "", field, trusted),
          http::client_of(peer, field, field, trusted), http::client_of(peer, field, "203.0.113.9", trusted)})
        CF_ASSERT(client == peer || http::read_block(client));
    CF_ASSERT(http::client_of("192.0.2.1", field, field, trusted) == "192.0.2.1");
    if (const auto block = http::read_block(field))
    {
        CF_ASSERT(http::read_block(http::text_of(*block)) == block);
        CF_ASSERT(http::lies_in(field.substr(0, field.find('/')), {&*block, 1}));
    }
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view field{reinterpret_cast<const char*>(data), size};
    check_conditions(field);
    check_key(field);
    check_wishes(field);
    check_proxies(field);
    return 0;
}
