// The reader of requests: what it takes, what it refuses, and that slicing the bytes anywhere changes neither.
#include "http/server/wire.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace
{
using http::wire_reader;

struct outcome
{
    int status = 0;  // 0: read; -1: more is needed
    http::request in;
    bool keep_alive = false;
    std::size_t left = 0;
};

// Feeds the bytes in pieces of `piece`.
std::string told(const std::string& bytes, std::size_t piece, http::listener_config limits = {})
{
    wire_reader reader{limits};
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
                in_body ? reader.body(buffer, used, in, limits.body_bytes_max, true) : reader.head(buffer, used, in);
            buffer.erase(0, used);
            if (step == wire_reader::step::failed)
                return std::to_string(reader.failure().status) + ' ' + std::string{reader.failure().code};
            if (step == wire_reader::step::need_more)
                break;
            if (in_body)
                return std::string{in.method_text} + ' ' + std::string{in.path} + '?' + std::string{in.query} + " [" +
                       in.body + "]" + (reader.keep_alive() ? "" : " close");
            in_body = true;
        }
    }
    return "more";
}

std::string read(const std::string& bytes, http::listener_config limits = {})
{
    const auto whole = told(bytes, bytes.size(), limits);
    for (const std::size_t piece : {1U, 2U, 3U, 7U})
        CHECK(told(bytes, piece, limits) == whole);
    return whole;
}

const std::string host = "Host: example.org\r\n";
}  // namespace

TEST_CASE("a plain request is read, with its query apart")
{
    CHECK(read("GET /a/b?c=d&e HTTP/1.1\r\n" + host + "\r\n") == "GET /a/b?c=d&e []");
    CHECK(read("POST /a HTTP/1.1\r\n" + host + "Content-Length: 3\r\n\r\nabc") == "POST /a? [abc]");
    CHECK(read("\r\nGET / HTTP/1.1\r\n" + host + "\r\n") == "GET /? []");
    CHECK(read("\r\n\r\n\t") == "400 malformed");  // one empty line is skipped, however they arrive
    CHECK(read("\r\n\r\nGET / HTTP/1.1\r\n" + host + "\r\n") == "400 malformed");
    CHECK(read("\r\n\r\n\r\n") == "400 malformed");
    CHECK(read("GET http://example.org/x?y HTTP/1.1\r\n" + host + "\r\n") == "GET /x?y []");
    CHECK(read("GET http://example.org HTTP/1.1\r\n" + host + "\r\n") == "GET /? []");
    CHECK(read("GET http://evil?/api/v1/me HTTP/1.1\r\n" + host + "\r\n") == "GET /?/api/v1/me []");
    CHECK(read("GET http://evil? HTTP/1.1\r\n" + host + "\r\n") == "GET /? []");
    CHECK(read("OPTIONS * HTTP/1.1\r\n" + host + "\r\n") == "OPTIONS *? []");
}

TEST_CASE("chunks are joined, their extensions and the trailer ignored")
{
    const std::string head = "POST /a HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n";
    CHECK(read(head + "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n") == "POST /a? [abcde]");
    CHECK(read(head + "1\r\na\r\n0\r\nX-Later: 1\r\n\r\n") == "POST /a? [a]");
    CHECK(read(head + "0\r\n\r\n") == "POST /a? []");
    CHECK(read(head + "4\r\n0000\r\n0\r\n\r\n") == "POST /a? [0000]");
    CHECK(read(head + "0\r\nX: y\r\n\r\n") == "POST /a? []");
    CHECK(read(head + "0\r\nabc\r\n\r\n") == "400 malformed");
    CHECK(read(head + "0\r\n") == "more");
    CHECK(read(head + "zz\r\n") == "400 malformed");
    CHECK(read(head + "3\r\nabcXY\r\n0\r\n\r\n") == "400 malformed");
    CHECK(read(head + "3\nabc\r\n0\r\n\r\n") == "400 malformed");
}

TEST_CASE("the connection stays open as the version and Connection say")
{
    CHECK(read("GET / HTTP/1.1\r\n" + host + "Connection: foo, Close\r\n\r\n") == "GET /? [] close");
    CHECK(read("GET / HTTP/1.0\r\n\r\n") == "GET /? [] close");
    CHECK(read("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n") == "GET /? []");
    CHECK(read("GET / HTTP/1.1\r\n" + host + "Connection: keep-alive\r\nConnection: close\r\n\r\n") ==
          "GET /? [] close");
    CHECK(read("GET / HTTP/1.0\r\nConnection: foo\r\nConnection: keep-alive\r\n\r\n") == "GET /? []");
}

TEST_CASE("what two servers could read in two ways is refused")
{
    const auto refused = [](const std::string& bytes) { return read(bytes) == "400 malformed"; };
    const std::string post = "POST / HTTP/1.1\r\n" + host;
    CHECK(refused("GET / HTTP/1.1\nHost: x\n\n"));
    CHECK(refused("GET / HTTP/1.1\r\n" + host + "A: b\n\r\n"));
    CHECK(refused("GET / HTTP/1.1\r\n" + host + "A: b\rC: d\r\n\r\n"));
    CHECK(refused("GET / HTTP/1.1\r\n" + host + "A: b\r\n folded\r\n\r\n"));
    CHECK(refused("GET / HTTP/1.1\r\n" + host + "A: b\r\n\tfolded\r\n\r\n"));
    CHECK(refused("GET / HTTP/1.1\r\n\r\n"));
    CHECK(refused("GET / HTTP/1.1\r\n" + host + host + "\r\n"));
    CHECK(refused("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"));
    CHECK(refused("GET / HTTP/1.1\r\n" + host + "A : b\r\n\r\n"));
    CHECK(refused(post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"));
    CHECK(refused(post + "Transfer-Encoding: xchunked\r\n\r\n"));
    CHECK(refused(post + "Transfer-Encoding: gzip, chunked\r\n\r\n"));
    CHECK(refused(post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"));
    CHECK(refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"));
    CHECK(refused(post + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"));
    CHECK(refused(post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc"));
    CHECK(refused(post + "Content-Length: +3\r\n\r\nabc"));
    CHECK(refused(post + "Content-Length: 3,3\r\n\r\nabc"));
    CHECK(refused(post + "Content-Length: 99999999999999999999\r\n\r\n"));
    CHECK(refused("GET / HTTP/2.0\r\n" + host + "\r\n"));
    CHECK(refused("GET ?relative HTTP/1.1\r\n" + host + "\r\n"));
    CHECK(refused("GET http://evil#/api/v1/me HTTP/1.1\r\n" + host + "\r\n"));
    const std::string chunked = post + "Transfer-Encoding: chunked\r\n\r\n";
    for (const char* trailer : {"A: b\r\n folded\r\n", "A: b\r\n\tfolded\r\n", "A:\r\n folded\r\n", "A: \r\n \r\n",
                                "A: b\r\n \r\nC: d\r\n", " A: b\r\n", "A: b\nC: d\r\n"})
        for (const char* last : {"0\r\n", "0;x=y\r\n", "1\r\na\r\n0\r\n"})
            CHECK(refused(chunked + last + trailer + "\r\n"));
    CHECK(read(chunked + "4\r\n\r\n a\r\n0\r\nA: b\r\n\r\n") == "POST /? [\r\n a]");
    CHECK(refused("GET relative HTTP/1.1\r\n" + host + "\r\n"));
    CHECK(refused("GET /a#b HTTP/1.1\r\n" + host + "\r\n"));
    CHECK(refused("GE(T / HTTP/1.1\r\n" + host + "\r\n"));
    CHECK(refused(post + "Expect: something\r\n\r\n"));
    CHECK(refused(std::string{"GET / HTTP/1.1\r\nA: \0\r\n", 22} + host + "\r\n"));
}

TEST_CASE("what is too long is named as what it is")
{
    CHECK(read("GET /" + std::string(9'000, 'a') + " HTTP/1.1\r\n" + host + "\r\n") == "414 uri_too_long");
    CHECK(read("GET /" + std::string(40'000, 'a')) == "414 uri_too_long");
    CHECK(read("GET / HTTP/1.1\r\n" + host + "A: " + std::string(17'000, 'a') + "\r\n\r\n") == "431 headers_too_large");
    std::string many;
    for (int i = 0; i < 150; ++i)
        many += "A: b\r\n";
    CHECK(read("GET / HTTP/1.1\r\n" + host + many + "\r\n") == "431 headers_too_large");

    http::listener_config small;
    small.body_bytes_max = 10;
    const std::string head = "POST / HTTP/1.1\r\n" + host;
    CHECK(read(head + "Content-Length: 11\r\n\r\n" + std::string(11, 'a'), small) == "413 too_large");
    CHECK(read(head + "Transfer-Encoding: chunked\r\n\r\n6\r\naaaaaa\r\n6\r\naaaaaa\r\n", small) == "413 too_large");
    CHECK(read(head + "Transfer-Encoding: chunked\r\n\r\n1;" + std::string(20'000, 'x')) == "400 malformed");
}

TEST_CASE("a request that is not complete is waited for, never guessed")
{
    CHECK(read("GET / HTTP/1.1\r\nHost: x\r\n") == "more");
    CHECK(read("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabc") == "more");
    CHECK(read("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab") == "more");
}
