// libFuzzer over position tokens as clients hand them back.
//
// What holds for every input: a token that is read is within its bound and names a lane and a place that can be;
// written again and read again it means the same; whatever we write, we read.
#include "http/server/position_token.hpp"
#include "schemas/assertion.hpp"
#include "schemas/text.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace
{
void check_again(const http::position_token& token)
{
    const auto again = http::read_position(http::write_position(token));
    CF_ASSERT(again && again->incarnation == token.incarnation && again->at == token.at);
    // A long incarnation may leave no room for all of the lanes.
    CF_ASSERT(again->elsewhere.size() <= token.elsewhere.size());
    CF_ASSERT(token.incarnation.size() > 16 || again->elsewhere == token.elsewhere);
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    for (const auto& given : {std::string{text}, schema::base64url(text)})
        if (const auto token = http::read_position(given))
        {
            CF_ASSERT(given.size() <= 256 && token->at.lane >= 0 && token->at.seq >= 0);
            check_again(*token);
        }
    if (size < 12)
        return 0;
    http::position_token made{"1.1", {}};
    std::memcpy(&made.at.lane, data, sizeof(made.at.lane));
    std::memcpy(&made.at.seq, data + 4, sizeof(made.at.seq));
    made.at.lane &= 0x7fffffff;
    made.at.seq &= INT64_MAX;
    check_again(made);
    return 0;
}
