// The third part of api.hpp: requests that are answered from the read models, once these are new enough.
#include "http/server/api.hpp"
#include "http/server/compression.hpp"
#include "http/server/position_token.hpp"
#include "projections/runner/positions.hpp"

#include <algorithm>
#include <atomic>
#include <functional>

namespace http
{
namespace
{
using steady = std::chrono::steady_clock;

constexpr std::chrono::milliseconds reread_pause{20};

// The rows are older than was asked for, whatever was told of the read models: another version is shown since a moment,
// which this process does not feed yet. What is sent on piece by piece is on its way.
bool is_behind(const call& c)
{
    const bool is_read = (c.out->status < 400 && !c.out->source) || c.out->status == 404;
    return is_read && c.at_least && c.shown && c.shown->lane == c.at_least->lane && c.shown->seq < c.at_least->seq;
}

// As if it had not been asked yet.
void take_back(call& c, const reply& before)
{
    *c.out = before;
    c.shown.reset();
    c.shown_incarnation.clear();
    c.stale = false;
    c.code = {};
    c.problem_code.clear();
}
}  // namespace

positions_told api::told_before(const call& c, const std::string& history) const
{
    return read_positions(c.in->joined("clientflow-position"), history, position_secret_).value_or(positions_told{});
}

next api::run_query(exchange& x, const std::shared_ptr<call>& c)
{
    if (const auto field = c->in->joined("clientflow-position"); !field.empty())
    {
        const auto told = read_positions(field, incarnation(), position_secret_);
        if (!told)
            return c->refuse(bad_header("Clientflow-Position", "It is not a position of this service.")), next::settled;
        c->foreign_incarnation = told->foreign;
        if (c->who)
            c->at_least = told->in(c->who->lane);
    }
    // Who hands in nothing but positions of another history is answered at once.
    if (c->who && (c->at_least || !c->foreign_incarnation))
    {
        const auto own = c->who->activity->last_write_seq.load();
        const bool is_ours = own > 0 && c->who->activity->last_write_history == std::hash<std::string>{}(incarnation());
        if (is_ours && (!c->at_least || c->at_least->seq < own))
            c->at_least = event_log::position{c->who->lane, own};
    }
    const bool waits = c->at_least && !parts_.shown.has_reached({&*c->at_least, 1});
    return waits ? wait_for_rows(x, c) : start_query(x, c);
}

steady::time_point api::waits_until(const call& c) const
{
    const auto wanted = c.prefer.wait ? std::chrono::milliseconds{*c.prefer.wait} : config_.wait_default;
    return c.accepted_steady + std::min(wanted, config_.wait_max);
}

// Leaves a call with the read models and one with the shard's ticker; whichever comes first goes on.
next api::wait_for_rows(exchange& x, const std::shared_ptr<call>& c)
{
    struct race
    {
        std::atomic<bool> decided{false};
        std::atomic<bool> in_time{false};
    };
    const auto both = std::make_shared<race>();
    const auto ticket = parts_.shown.when({*c->at_least}, [both, wake = x.wake] {
        both->in_time = true;
        if (!both->decided.exchange(true))
            wake();
    });
    x.due = waits_until(*c);
    x.on_due = [both, wake = x.wake] {
        if (!both->decided.exchange(true))
            wake();
    };
    x.then = [this, both, ticket, c](exchange& later) {
        later.on_due = nullptr;
        parts_.shown.cancel(ticket);
        if (!both->in_time && c->prefer.strict)
            return c->refuse("not_yet"), next::settled;
        return start_query(later, c);
    };
    return next::parked;
}

next api::start_query(exchange& x, const std::shared_ptr<call>& c)
{
    if (!keep_export_limit(*c))
        return next::settled;
    x.then = [this, c, before = c->at_least ? *c->out : reply{}](exchange& later) {
        if (is_behind(*c) && (c->prefer.strict || steady::now() < waits_until(*c)))
            return read_again(later, c, before);
        finish_query(*c);
        return next::settled;
    };
    const auto run = [this, c, wake = x.wake](query_context& with) {
        const auto began = steady::now();
        try
        {
            c->where->query(*c, with);
            if (c->out->status < 400 && takes_gzip(c->in->joined("accept-encoding")))
                compress(*c->out);
            tell_when_slow(*c, steady::now() - began);
        }
        catch (const event_log::unreachable& thrown)
        {
            parts_.log.note(severity::warning, "query.unreachable", thrown.what());
            c->refuse("unavailable");
        }
        catch (const std::exception& thrown)
        {
            parts_.log.note(severity::error, "query.failed", thrown.what());
            c->refuse("unavailable");
        }
        wake();
    };
    const auto failed = [this, c, wake = x.wake](query_pool::fault what, const char* why) {
        if (what == query_pool::fault::no_connection)
            parts_.log.note(severity::warning, "query.no_connection", why);
        c->refuse(what == query_pool::fault::late ? "busy" : "unavailable");
        wake();
    };
    if (parts_.queries.submit(c->who ? c->who->tenant : schema::uuid{}, run, failed))
        return next::parked;
    c->export_slot.reset();
    c->refuse("busy");
    return next::settled;
}

next api::read_again(exchange& x, const std::shared_ptr<call>& c, const reply& before)
{
    take_back(*c, before);
    if (steady::now() >= waits_until(*c))
        return c->refuse("not_yet"), next::settled;
    x.due = std::min(steady::now() + reread_pause, waits_until(*c));
    x.on_due = [wake = x.wake] { wake(); };
    x.then = [this, c](exchange& later) {
        later.on_due = nullptr;
        return start_query(later, c);
    };
    return next::parked;
}

void api::tell_when_slow(const call& c, steady::duration took)
{
    if (took < config_.slow_query)
        return;
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
    parts_.log.note(severity::warning, "query.slow",
                    std::string{c.where->operation} + " took " + std::to_string(ms) + " ms, request " + c.request_id);
}

void api::finish_query(call& c)
{
    c.export_slot.reset();  // what is sent on has taken it
    if (c.shown)
    {
        const auto history = incarnation();
        c.out->add("Clientflow-Position", sign_position(history, *c.shown, told_before(c, history), position_secret_));
        c.stale = c.stale || (c.at_least && c.shown->lane == c.at_least->lane && c.shown->seq < c.at_least->seq);
    }
    // Also "not found": the row may only not be there yet.
    if ((c.out->status < 400 || c.out->status == 404) && (c.stale || c.foreign_incarnation))
        c.out->add("Clientflow-Stale", "true");
}
}  // namespace http
