// A client of event streams for tests: reads blocks of server-sent events off a real connection.
#pragma once

#include "tests/integration/http/stage.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace http_tests
{
struct stream_block
{
    std::string id;
    std::string event;
    std::string data;
    std::string retry;
    std::string comment;
};

stream_block read_block(std::string_view text);

// HTTP/1.0, so that the bytes of the body are the stream's own.
class stream_client
{
public:
    // `query` with its question mark, or empty.
    stream_client(std::uint16_t port, const std::string& key, const std::string& query = {},
                  const std::string& last_event_id = {});
    stream_client(const stage& in, const std::string& key, const std::string& query = {},
                  const std::string& last_event_id = {})
        : stream_client(in.port(), key, query, last_event_id)
    {}

    const kit::reply& head() const { return head_; }
    // The next block, or the next that has an event of its own. Throws kit::wire_error at the end.
    stream_block next();
    stream_block next_event();
    // Its data is an event of the organisation, not of the stream itself.
    const std::string& last_id() const { return last_id_; }
    bool ended();
    kit::wire& connection() { return wire_; }

private:
    kit::wire wire_;
    kit::reply head_;
    std::string last_id_;
};

// The public events of a tenant as the log holds them: their ids, in order.
std::vector<std::string> public_event_ids(const stage&, const tenant&);

// Nothing is folded: streams read the log.
stage_options without_projections();

// Makes one at the path and returns its id.
std::string made(const stage&, const tenant&, const std::string& path, const std::string& body);
std::string client(const stage&, const tenant&, const std::string& name = "Ann");

// The value of a line of /metrics; empty: there is no such line.
std::string metric(const stage&, const std::string& line);
}  // namespace http_tests
