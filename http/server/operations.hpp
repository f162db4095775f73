// What operators ask for under /api/admin/<noun>/<verb>: a table of operations, each for a scope of an operator's key.
// A path may have two, one to begin something and one to ask how it stands.
//
// The answer is what the command line's --json prints. Operations block (they ask the database), so they run one after
// another on a thread of their own, `operator`, and those that may take seconds on another, `operator-reads`; the admin
// listener's thread only knows the key and hands them over. A full queue is 503 busy. Without an operator's key nothing
// is told, not even which paths there are; with one OPTIONS names a path's methods. Serves the admin listener;
// everything given outlives it.
#pragma once

#include "events/api_key.hpp"
#include "http/server/credentials.hpp"
#include "http/server/message.hpp"
#include "http/server/problem.hpp"
#include "schemas/time.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace http
{
struct operation_call
{
    std::vector<std::pair<std::string, std::string>> parameters;  // of the query
    std::string body;                                             // JSON as sent; "{}" when none was
    std::string operator_key;                                     // key_…, for what is recorded
    std::stop_token stopping;                                     // the server ends: whoever blocks for long heeds it
};

// Instead of an answer.
struct operation_refused
{
    problem why;
};

struct operation
{
    std::string_view path;  // "parked/list"
    verb method = verb::get;
    api_key::scope scope = api_key::scope::ops_read;
    std::vector<std::string_view> parameters;  // that its query may have
    // Answers with JSON; throws operation_refused, or anything else for 500.
    std::function<std::string(const operation_call&)> run;
    int status = 200;                          // of an answer; 202: of what was only begun
    std::vector<std::string_view> required{};  // of `parameters`, those without which nothing is run
    bool takes_long = false;                   // seconds: nothing else waits behind it
};

// What the admin listener holds of a request on its way, as the context of its exchange: made by the listener's
// application with the head, shared with the operator's thread while that runs it.
struct errand
{
    std::string request_id;  // as it was sent, or made here
    const operation* what = nullptr;
    operation_call call;
    std::string answer;
    std::optional<problem> refused;
};

class operations
{
public:
    static constexpr std::size_t waiting_max = 64;
    static constexpr std::size_t long_waiting_max = 8;  // of those that take long

    operations(std::vector<operation>, credentials&, const schema::clock&);
    ~operations();  // stops

    void start();
    void stop();

    static bool is_meant(std::string_view path) { return path == root || path.starts_with("/api/admin/"); }
    next on_head(exchange&);  // its context is an errand
    next on_body(exchange&);

private:
    static constexpr std::string_view root = "/api/admin";

    struct implementation;
    std::unique_ptr<implementation> self_;
};
}  // namespace http
