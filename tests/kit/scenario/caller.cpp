#include "tests/kit/scenario/caller.hpp"

#include "tests/kit/scenario/members.hpp"

#include <stdexcept>

namespace scenario
{
bool answer::is_definite_no() const
{
    if (how == heard::nothing_sent)
        return true;
    if (!answered() || is_success())
        return false;
    return status() < 500 || text_member(reply.body, "applied") == "no";
}

kit::header_list caller::headers_of(const request& asked) const
{
    kit::header_list headers = asked.headers;
    headers.emplace_back("X-API-Key", api_key_);
    if (!asked.body.empty())
        headers.emplace_back("Content-Type", "application/json");
    if (!asked.idempotency_key.empty())
        headers.emplace_back("Idempotency-Key", asked.idempotency_key);
    if (!asked.request_id.empty())
        headers.emplace_back("X-Request-Id", asked.request_id);
    if (!asked.if_match.empty())
        headers.emplace_back("If-Match", asked.if_match);
    return headers;
}

answer caller::call(const request& asked)
{
    answer told;
    try
    {
        if (!wire_)
            wire_.emplace(port_, "127.0.0.1", deadline_, from_);
        told.how = heard::lost;
        told.reply = wire_->exchange(asked.method, asked.target, headers_of(asked), asked.body);
        told.how = heard::answered;
        if (told.reply.header("Connection") == "close")
            wire_.reset();
    }
    catch (const kit::wire_error&)
    {
        wire_.reset();
    }
    return told;
}

kit::reply caller::expect(int status, const request& asked)
{
    answer told = call(asked);
    if (told.status() != status)
        throw std::runtime_error(asked.method + ' ' + asked.target + " answered " + std::to_string(told.status()) +
                                 " instead of " + std::to_string(status) + ": " + told.reply.body);
    return std::move(told.reply);
}

answer caller::get(const std::string& target, const std::string& position)
{
    request asked{.target = target};
    if (!position.empty())
        asked.headers = {{"Clientflow-Position", position}};
    return call(asked);
}

bool listens(std::uint16_t port)
{
    try
    {
        kit::wire{port, "127.0.0.1", kit::milliseconds{1'000}};
        return true;
    }
    catch (const kit::wire_error&)
    {
        return false;
    }
}
}  // namespace scenario
