#include "http/server/compression.hpp"

#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <zlib.h>

namespace http
{
namespace
{
// One per thread: its tables are made once and reset for each text.
struct deflater
{
    deflater()
    {
        // The fastest level: these threads have others waiting.
        if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
            throw std::bad_alloc{};
    }
    ~deflater() { deflateEnd(&stream); }
    deflater(const deflater&) = delete;
    deflater& operator=(const deflater&) = delete;

    z_stream stream{};
};
}  // namespace

void mark_entity_tag(reply& out)
{
    std::string& fields = out.fields;
    constexpr std::string_view before = "ETag: \"";
    const auto at = fields.find(before);
    if (at == std::string::npos)
        return;
    if (const auto end = fields.find('"', at + before.size()); end != std::string::npos)
        fields.insert(end, "-gzip");
}

std::string gzip(std::string_view text)
{
    thread_local deflater of_this_thread;
    z_stream& stream = of_this_thread.stream;
    if (deflateReset(&stream) != Z_OK)
        throw std::runtime_error{"zlib cannot begin anew"};
    std::string made(deflateBound(&stream, static_cast<uLong>(text.size())), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(made.data());
    stream.avail_out = static_cast<uInt>(made.size());
    if (deflate(&stream, Z_FINISH) != Z_STREAM_END)
        throw std::runtime_error{"zlib did not finish"};
    made.resize(made.size() - stream.avail_out);
    return made;
}

void compress_as(reply& out, std::string_view packed)
{
    out.body.clear();
    out.borrowed_body = packed;
    out.add("Content-Encoding", "gzip");
    mark_entity_tag(out);
}

void compress(reply& out)
{
    const auto text = out.text();
    if (out.content_type.empty() || text.size() < compressed_from_bytes)
        return;
    auto smaller = gzip(text);
    if (smaller.size() >= text.size())
        return;
    out.body = std::move(smaller);
    out.borrowed_body = {};
    out.add("Content-Encoding", "gzip");
    mark_entity_tag(out);
}
}  // namespace http
