#include "http/server/command_route.hpp"

namespace http
{
namespace
{
constexpr std::int64_t clock_difference_us = 5'000'000;  // that an importer's clock may be ahead
}  // namespace

bool refuse_faults(call& c, schema::faults faults)
{
    auto what = make_problem(faults.size() == 1 && faults.front().code == "malformed" ? "malformed" : "invalid");
    if (what.code == "malformed")
        what.detail = faults.front().message;
    else
        what.faults = std::move(faults);
    c.refuse(what);
    return false;
}

bool read_body(call& c, const schema::record_type& type, void* into)
{
    const bool absent = c.in->body.empty() && c.where->body_may_be_absent;
    auto faults = schema::read_json(type, into, absent ? std::string_view{"{}"} : std::string_view{c.in->body});
    return faults.empty() || refuse_faults(c, std::move(faults));
}

bool refuse_nil(call& c, const schema::uuid& id)
{
    return !id.is_nil() ||
           refuse_faults(c, {{schema::fault::place::pointer, "#/id", "invalid", "The id of zeros names nothing."}});
}

bool take_occurred_at(call& c, const std::optional<schema::moment>& sent, lanes::submission& asked)
{
    if (!sent)
        return true;
    if (!c.who->import)
        return refuse_faults(c, {{schema::fault::place::pointer, "#/occurred_at", "unknown",
                                  "There is no such member for a key without the scope import."}});
    if (sent->us > c.accepted.us + clock_difference_us)
        return refuse_faults(c,
                             {{schema::fault::place::pointer, "#/occurred_at", "too_large", "It is in the future."}});
    asked.from.occurred_at = *sent;
    asked.meta.occurred_at = *sent;
    return true;
}
}  // namespace http
