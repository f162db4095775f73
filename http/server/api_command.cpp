// The second half of api.hpp: requests that become commands, and what is answered to them.
#include "http/server/api.hpp"
#include "http/server/position_token.hpp"
#include "schemas/json_writer.hpp"
#include "schemas/text.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace http
{
namespace
{
using steady = std::chrono::steady_clock;

// "id" is the first member of every item.
std::string_view id_in(std::string_view item)
{
    constexpr std::string_view before = "{\"id\":\"";
    if (!item.starts_with(before))
        return {};
    item.remove_prefix(before.size());
    return item.substr(0, item.find('"'));
}
}  // namespace

next api::run_command(exchange& x, const std::shared_ptr<call>& c)
{
    // For the request's fingerprint.
    const bool needs_tenants_key = x.in.count("idempotency-key") > 0 && !c->is_rehearsal;
    return with_tenants_key(x, c, needs_tenants_key, [this, c](exchange& later) { return submit(later, c); });
}

next api::with_tenants_key(exchange& x, const std::shared_ptr<call>& c, bool needed,
                           std::function<next(exchange&)> then)
{
    if (!needed)
        return then(x);
    auto held = parts_.ring.hold();
    if (parts_.ring.knows_tenant(c->who->tenant))
        return then(x);
    const auto box = std::make_shared<bool>(false);
    x.then = [box, c, held = std::move(held), then = std::move(then)](exchange& later) {
        if (*box)
            return then(later);
        return c->refuse("unavailable"), next::settled;
    };
    parts_.keys_of.learn_tenant(c->who->tenant, [box, wake = x.wake](bool learned) {
        *box = learned;
        wake();
    });
    return next::parked;
}

next api::submit(exchange& x, const std::shared_ptr<call>& c)
{
    lanes::submission asked;
    if (!fill_submission(*c, asked) || !c->where->command(*c, asked))
        return next::settled;
    const auto box = std::make_shared<lanes::answer>();
    x.then = [this, box, c](exchange&) {
        answer_command(*c, *box);
        return next::settled;
    };
    c->submitted = true;
    parts_.commands.submit(std::move(asked), [box, wake = x.wake](lanes::answer said) {
        *box = std::move(said);
        wake();
    });
    return next::parked;
}

bool api::fill_submission(call& c, lanes::submission& asked)
{
    const principal& who = *c.who;
    asked.tenant = who.tenant;
    asked.from.tenant = who.tenant;
    asked.from.by = who.member ? event_log::actor{event_log::actor_type::member, member::member_id{*who.member}.text()}
                               : event_log::actor{event_log::actor_type::key, who.key_text};
    asked.from.member = who.member;
    asked.from.now = c.accepted;
    asked.from.occurred_at = c.accepted;
    asked.meta.by = asked.from.by;
    asked.meta.request_id = c.request_id;
    asked.meta.correlation_id = c.request_id;
    asked.meta.traceparent = c.traceparent;
    asked.meta.ip = c.client;
    asked.meta.user_agent = schema::clip(schema::mended_utf8(c.in->field("user-agent")), 256);
    asked.meta.occurred_at = c.accepted;
    asked.deadline = steady::now() + config_.command_time_max;  // a slow body has had its own time
    asked.bytes = c.in->body.size();

    if (c.in->count("if-match") > 0)
    {
        auto versions = read_if_match(c.in->joined("if-match"));
        if (!versions)
            return c.refuse(versions.error()), false;
        asked.match = lanes::if_match{versions->any, std::move(versions->versions), {}};
    }
    asked.is_rehearsal = c.is_rehearsal;
    if (c.in->count("idempotency-key") == 0 || c.is_rehearsal)
        return true;
    auto key = c.in->count("idempotency-key") == 1
                   ? read_idempotency_key(c.in->field("idempotency-key"))
                   : schema::result<std::string, problem>{bad_header("Idempotency-Key", "It is sent more than once.")};
    if (!key)
        return c.refuse(key.error()), false;
    std::string canonical{text_of(c.where->method)};
    canonical.append("\n").append(c.in->path).append("\n");
    canonical.append(schema::canonical_json(c.in->body.empty() ? std::string_view{"{}"} : c.in->body));
    asked.remember = lanes::receipt_wanted{std::move(*key), parts_.ring.hash_request(who.tenant, canonical),
                                           who.key_text, event_log::receipt_class::client};
    return true;
}

void api::answer_command(call& c, lanes::answer& said)
{
    if (said.unavailable || said.broken || said.refused)
    {
        auto what = said.refused ? of_refusal(*said.refused) : make_problem(said.broken ? "internal" : "unavailable");
        what.outcome_unknown = said.was_applied == lanes::applied::unknown;
        c.refuse(what);
        if (said.at.seq > 0)
            note_position(c, said.at);
        return;
    }
    reply& out = *c.out;
    out.status = said.status;
    out.content_type = "application/json";
    if (c.is_rehearsal)
    {
        schema::json_writer json(out.body);
        json.begin_object().key("item").raw(said.item).key("events").raw(said.events).end_object();
        return note_position(c, said.at);
    }
    out.body = std::move(said.item);
    out.add("ETag", etag(said.version));
    note_position(c, said.at);
    if (said.replayed)
        out.add("Idempotency-Replayed", "true");
    if (c.where->creates && said.status == 201)
        out.add("Location", std::string{c.in->path} + '/' + std::string{id_in(out.body)});
    if (c.where->answered)
        c.where->answered(c, said);
}

// What the answer speaks of: later reads with this key are at least as new, also when it was a refusal.
void api::note_position(call& c, const event_log::position& at)
{
    const auto history = incarnation();
    c.who->activity->note_write(std::hash<std::string>{}(history), at.seq);
    add_position(c, history, at);
}

// Of answers that speak of nothing in the log: what this node has answered to the key, and what the key handed in.
void api::add_known_position(call& c)
{
    const auto history = incarnation();
    const auto own = c.who->activity->last_write_seq.load();
    if (own > 0 && c.who->activity->last_write_history == std::hash<std::string>{}(history))
        add_position(c, history, {c.who->lane, own});
}

void api::add_position(call& c, const std::string& history, const event_log::position& at)
{
    const auto told = told_before(c, history);
    const auto own = told.given_in(at.lane);
    c.out->add("Clientflow-Position", sign_position(history, own ? std::max(*own, at) : at, told, position_secret_));
}
}  // namespace http
