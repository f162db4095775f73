// Tickets: sealed, so that nobody alters or reads them, and over when their time is.
#include "http/server/ticket.hpp"
#include "schemas/text.hpp"

#include <doctest/doctest.h>

#include <string>

namespace
{
const event_log::secret_key key{std::string(32, 'k')};
const std::string digest = schema::hex(std::string(32, 'd'));
const schema::moment noon{1'000'000'000};
}  // namespace

TEST_CASE("a ticket gives back the key's digest and its end until then, and no two are alike")
{
    const auto text = http::seal_ticket(key, digest, noon);
    const auto read = http::open_ticket(key, text, schema::moment{noon.us - 1});
    REQUIRE(read.has_value());
    CHECK(read->key_digest == digest);
    CHECK(read->expires_at == noon);
    const auto other = http::open_ticket(key, http::seal_ticket(key, digest, noon), schema::moment{0});
    CHECK(other->id != read->id);
    CHECK_FALSE(http::open_ticket(key, text, noon).has_value());
    CHECK(text.find(digest.substr(0, 8)) == std::string::npos);
}

TEST_CASE("what was altered, cut, or sealed by somebody else is no ticket")
{
    const auto text = http::seal_ticket(key, digest, noon);
    CHECK_FALSE(http::open_ticket(event_log::secret_key{std::string(32, 'x')}, text, schema::moment{0}).has_value());
    for (std::size_t at = 0; at < text.size(); ++at)
    {
        auto altered = text;
        altered[at] = altered[at] == 'A' ? 'B' : 'A';
        CHECK_FALSE(http::open_ticket(key, altered, schema::moment{0}).has_value());
        CHECK_FALSE(http::open_ticket(key, text.substr(0, at), schema::moment{0}).has_value());
    }
    CHECK_FALSE(http::open_ticket(key, text + "A", schema::moment{0}).has_value());
}
