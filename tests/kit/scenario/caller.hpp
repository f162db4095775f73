// A client of the public API over one connection, which tells apart what it knows and what it cannot know.
//
// One caller serves one thread.
#pragma once

#include "tests/kit/wire.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace scenario
{
struct request
{
    std::string method = "GET";
    std::string target;
    std::string body;             // JSON; empty: none
    std::string idempotency_key;  // empty: none
    std::string request_id;       // empty: none
    std::string if_match;         // empty: none
    kit::header_list headers = {};
};

enum class heard
{
    nothing_sent,  // no connection: nothing happened
    lost,          // sent, and no whole answer came
    answered
};

struct answer
{
    heard how = heard::nothing_sent;
    kit::reply reply;

    bool answered() const { return how == heard::answered; }
    int status() const { return answered() ? reply.status : 0; }
    bool is_success() const { return status() >= 200 && status() < 300; }
    bool is_replayed() const { return answered() && reply.header("Idempotency-Replayed") == "true"; }
    // A definite no: the command of this request was not applied and never will be.
    bool is_definite_no() const;
    std::string position() const { return answered() ? reply.header("Clientflow-Position").value_or("") : ""; }
};

class caller
{
public:
    caller(std::uint16_t port, std::string api_key, kit::milliseconds deadline = kit::milliseconds{45'000})
        : port_(port), api_key_(std::move(api_key)), deadline_(deadline)
    {
    }

    answer call(const request&);
    // As call, but anything else than this status throws.
    kit::reply expect(int status, const request&);

    answer get(const std::string& target, const std::string& position = {});
    void disconnect() { wire_.reset(); }
    void use(std::string api_key) { api_key_ = std::move(api_key); }
    // Which of this machine's addresses later connections come from.
    void come_from(std::string address) { from_ = std::move(address); }

private:
    kit::header_list headers_of(const request&) const;

    const std::uint16_t port_;
    std::string api_key_;
    const kit::milliseconds deadline_;
    std::string from_;
    std::optional<kit::wire> wire_;
};

// A 2xx that can be listened for on this port; the server may be away for that long.
bool listens(std::uint16_t port);
}  // namespace scenario
