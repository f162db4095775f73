// libFuzzer over the reader of requests: whatever comes over a socket.
//
// What holds for every input: it is read the same way whole and in pieces; what was read has a path that begins with
// a slash (or is "*"), a method that is a token, and fields without line ends; no body is longer than its bound.
#include "http/server/wire.hpp"
#include "schemas/assertion.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace
{
using http::wire_reader;

constexpr std::size_t body_bytes_max = 1'000;
constexpr std::size_t input_bytes_max = 8'000;  // beyond, limits speak, and these depend on how much is there

void check_request(const http::request& in)
{
    CF_ASSERT(in.path == "*" || in.path.starts_with('/'));
    CF_ASSERT(!in.method_text.empty() && in.method_text.find_first_of(" \t\r\n") == std::string_view::npos);
    CF_ASSERT(in.path.find('?') == std::string_view::npos && in.target.find('#') == std::string_view::npos);
    for (const http::header_field& each : in.fields)
    {
        CF_ASSERT(!each.name.empty());
        for (const auto text : {each.name, each.value})
            CF_ASSERT(text.find_first_of(std::string_view{"\r\n\0", 3}) == std::string_view::npos);
    }
}

// What the reader says of these bytes, fed in pieces.
std::string told(std::string_view bytes, std::size_t piece)
{
    wire_reader reader{http::listener_config{}};
    http::request in;
    std::string buffer;
    bool in_body = false;
    for (std::size_t at = 0; at < bytes.size(); at += piece)
    {
        buffer += bytes.substr(at, piece);
        for (;;)
        {
            std::size_t used = 0;
            const auto step =
                in_body ? reader.body(buffer, used, in, body_bytes_max, true) : reader.head(buffer, used, in);
            CF_ASSERT(used <= buffer.size());
            buffer.erase(0, used);
            if (step == wire_reader::step::failed)
                return std::to_string(reader.failure().status) + std::string{reader.failure().code};
            if (step == wire_reader::step::need_more)
                break;
            if (!in_body)
                check_request(in);
            else
            {
                CF_ASSERT(in.body.size() <= body_bytes_max);
                return std::string{in.method_text} + ' ' + std::string{in.target} + ' ' + in.body;
            }
            in_body = true;
        }
    }
    return "more";
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view bytes{reinterpret_cast<const char*>(data), std::min(size, input_bytes_max)};
    const auto whole = told(bytes, std::max<std::size_t>(bytes.size(), 1));
    for (const std::size_t piece : {1U, 3U, 16U})
        CF_ASSERT(told(bytes, piece) == whole);
    return 0;
}
