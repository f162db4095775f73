// Answers made smaller: what gzip makes of them, and what is left alone.
#include "http/server/compression.hpp"

#include <doctest/doctest.h>

#include <string>
#include <zlib.h>

namespace
{
std::string unpacked(const std::string& packed)
{
    z_stream stream{};
    REQUIRE(inflateInit2(&stream, MAX_WBITS + 16) == Z_OK);
    std::string made(1 << 20, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream.avail_in = static_cast<uInt>(packed.size());
    stream.next_out = reinterpret_cast<Bytef*>(made.data());
    stream.avail_out = static_cast<uInt>(made.size());
    REQUIRE(inflate(&stream, Z_FINISH) == Z_STREAM_END);
    made.resize(stream.total_out);
    inflateEnd(&stream);
    return made;
}

std::string page()
{
    std::string text = "[";
    for (int i = 0; i < 200; ++i)
        text += R"({"id":"task_)" + std::to_string(i) + R"(","title":"Printer on the third floor is silent"},)";
    return text + "null]";
}
}  // namespace

TEST_CASE("a compressed answer unpacks to itself, says so, and has a tag of its own")
{
    for (int again = 0; again < 3; ++again)  // the machine is used anew each time
    {
        http::reply out;
        out.content_type = "application/json";
        out.body = page();
        out.add("ETag", "\"7\"");
        http::compress(out);
        CHECK(out.body.size() < page().size() / 4);
        CHECK(unpacked(out.body) == page());
        CHECK(out.fields == "ETag: \"7-gzip\"\r\nContent-Encoding: gzip\r\n");
    }
}

TEST_CASE("text that outlives the exchange is compressed into the answer's own")
{
    const auto text = page();
    http::reply out;
    out.content_type = "application/json";
    out.borrowed_body = text;
    http::compress(out);
    CHECK(unpacked(std::string{out.text()}) == text);
}

TEST_CASE("what is short, what has no body and what does not get smaller is left alone")
{
    http::reply none;
    none.add("ETag", "\"7\"");
    http::compress(none);
    CHECK(none.fields == "ETag: \"7\"\r\n");

    http::reply brief;
    brief.content_type = "application/json";
    brief.body = std::string(http::compressed_from_bytes - 1, 'a');
    http::compress(brief);
    CHECK(brief.body == std::string(http::compressed_from_bytes - 1, 'a'));

    http::reply noise;
    noise.content_type = "application/json";
    unsigned state = 1;
    for (int i = 0; i < 4'096; ++i)
        noise.body += static_cast<char>((state = state * 1'664'525 + 1'013'904'223) >> 24);
    const auto before = noise.body;
    http::compress(noise);
    CHECK(noise.body == before);
    CHECK(noise.fields.empty());
}
