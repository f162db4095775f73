#include "http/server/api.hpp"

#include "commands/api_key.hpp"
#include "http/server/compression.hpp"
#include "http/server/jitter.hpp"
#include "http/server/network.hpp"
#include "http/server/position_token.hpp"
#include "http/server/query_string.hpp"
#include "projections/runner/positions.hpp"
#include "schemas/json_writer.hpp"
#include "schemas/text.hpp"

#include <algorithm>

namespace http
{
namespace
{
using steady = std::chrono::steady_clock;

constexpr std::string_view usual_fields =
    "Cache-Control: private, no-cache\r\n"
    "Vary: Authorization, X-API-Key, Accept-Encoding\r\n"
    "Access-Control-Allow-Origin: *\r\n"
    "Access-Control-Expose-Headers: ETag, Clientflow-Position, Clientflow-Stale, Idempotency-Replayed, Link, Location, "
    "RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id\r\n"
    "X-Content-Type-Options: nosniff\r\n";

constexpr std::string_view preflight_fields =
    "Access-Control-Allow-Headers: Authorization, X-API-Key, Content-Type, Accept, If-Match, If-None-Match, "
    "Idempotency-Key, Prefer, Clientflow-Position, X-Request-Id, traceparent\r\n"
    "Access-Control-Max-Age: 3600\r\n";

constexpr std::string_view health_path = "/api/health";

call& call_of(exchange& x) { return *static_cast<call*>(x.context.get()); }

// The paths' %XX, but for slashes, which would change the segments.
std::optional<std::string> plain_path(std::string_view path)
{
    std::string text{path};
    for (auto at = text.find('+'); at != std::string::npos; at = text.find('+', at + 3))
        text.replace(at, 1, "%2B");
    auto pairs = read_query("p=" + text);
    if (!pairs || pairs->size() != 1 || text.find("%2F") != std::string::npos || text.find("%2f") != std::string::npos)
        return std::nullopt;
    return std::move(pairs->front().second);
}

std::string rate_field(std::string_view policy, const rate_verdict& said)
{
    std::string made = "\"";
    made.append(policy).append("\";r=").append(std::to_string(said.remaining));
    made.append(";t=").append(std::to_string(said.reset_after.count()));
    return made;
}

std::string policy_field(std::string_view policy, std::int64_t per_minute)
{
    std::string made = "\"";
    return made.append(policy).append("\";q=").append(std::to_string(per_minute)).append(";w=60");
}

// Those who wait come back spread over as long again, at most ten seconds.
void refuse_rate(call& c, const rate_verdict& said)
{
    auto what = make_problem("rate_limited");
    const auto least = static_cast<int>(said.retry_after.count());
    what.retry_after_seconds = jittered(least, least + std::clamp(least, 1, 10));
    c.refuse(what);
}

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

api::api(api_config config, api_parts parts)
    : config_(std::move(config))
    , parts_(std::move(parts))
    , addresses_(config_.address_per_minute, config_.addresses_max)
    , counted_(parts_.routes.routes().size())
    , packed_openapi_(gzip(parts_.openapi))
{}

void api::show_health(reply& out) const
{
    const auto now = parts_.well.look();
    out.status = now->well ? 200 : 503;
    out.content_type = "application/json";
    out.body = now->body;
}

schema::uuid api::make_id(schema::moment at)
{
    thread_local schema::uuid_source source;
    return source.next(at.us);
}

// -- The head

next api::on_head(exchange& x)
{
    auto made = std::make_shared<call>();
    call& c = *made;
    x.context = std::move(made);
    c.in = &x.in;
    c.out = &x.out;
    c.server = this;
    c.accepted = parts_.clock.now();
    c.accepted_steady = steady::now();
    const auto sent_id = x.in.field("x-request-id");
    c.request_id = is_request_id(sent_id) ? std::string{sent_id} : "req_" + make_id(c.accepted).base32();
    c.traceparent = read_traceparent(x.in.field("traceparent"));
    c.unlimited = x.in.path == health_path;
    find_route(x, c);
    return authenticate(x, c);
}

// Where there is none, `wrong` says why; what is told of it comes after the key and the limits.
void api::find_route(exchange& x, call& c)
{
    std::string_view path = x.in.path;
    if (path == "*")
    {
        c.wrong = x.in.method == verb::options ? call::is_options : "malformed";
        return;
    }
    if (path.find('%') != std::string_view::npos)
    {
        auto plain = plain_path(path);
        if (!plain)
        {
            c.wrong = "not_found";
            return;
        }
        c.plain_path = std::move(*plain);
        path = c.plain_path;
    }
    const auto match = parts_.routes.find(x.in.method, path);
    c.ids = match.ids;
    c.route_number = match.number;
    c.where = match.found;
    c.allow = match.allow;
    c.patchable = match.patchable;
    if (!c.where)
        c.wrong = !match.known_path              ? "not_found"
                  : x.in.method == verb::options ? call::is_options
                                                 : "method_not_allowed";
    else if (!accepts(x.in.field("accept"), c.where->media) &&
             !accepts(x.in.field("accept"), "application/problem+json"))
        c.wrong = "not_acceptable";
    if (c.where)
        x.body_bytes_max = c.where->body_bytes_max;
}

next api::answer_wrong(call& c)
{
    reply& out = *c.out;
    if (c.wrong != call::is_options)
    {
        if (c.wrong == "method_not_allowed")
            out.add("Allow", c.allow);
        return c.refuse(c.wrong), next::settled;
    }
    out.status = 204;
    if (c.allow.empty())  // of the server as a whole
        return next::settled;
    out.add("Allow", c.allow);
    if (c.patchable)
        out.add("Accept-Patch", "application/merge-patch+json, application/json");
    if (!c.in->field("access-control-request-method").empty())
    {
        out.add("Access-Control-Allow-Methods", c.allow);
        out.fields += preflight_fields;
    }
    return next::settled;
}

bool api::keep_address_limit(exchange& x, call& c)
{
    if (c.unlimited)
        return true;
    const auto said = addresses_.take(limited_as(x.in.peer), c.accepted_steady);
    x.out.add("RateLimit-Policy", policy_field("address", config_.address_per_minute));
    x.out.add("RateLimit", rate_field("address", said));
    if (said.allowed)
        return true;
    refuse_rate(c, said);
    return false;
}

bool api::keep_key_limit(exchange& x, call& c)
{
    const auto per_minute = c.who->requests_per_minute.value_or(config_.key_per_minute);
    if (per_minute == 0)
        return true;
    const auto said = c.who->activity->rate.take(per_minute, c.accepted_steady);
    x.out.add("RateLimit-Policy", policy_field("key", per_minute));
    x.out.add("RateLimit", rate_field("key", said));
    if (said.allowed)
        return true;
    refuse_rate(c, said);
    return false;
}

// Without a valid key: a request of its address. Public routes and what is offered are shown to everybody.
next api::go_without_key(exchange& x, call& c)
{
    if (!keep_address_limit(x, c))
        return next::settled;
    const bool has_key = x.in.count("x-api-key") + x.in.count("authorization") > 0;
    const bool is_public = c.where && c.where->scope == needs::nothing;
    if (!c.wrong.empty() && (!has_key || is_public || c.unlimited || c.wrong == call::is_options))
        return answer_wrong(c);
    if (is_public)
        return after_key(x, c);
    return c.refuse("unauthenticated"), next::settled;
}

next api::authenticate(exchange& x, call& c)
{
    std::string_view key = x.in.field("x-api-key");
    const auto authorization = x.in.field("authorization");
    if (c.unlimited)  // whoever asks
        return go_without_key(x, c);
    if (!authorization.empty())
    {
        constexpr std::string_view scheme = "bearer ";
        if (authorization.size() <= scheme.size() || !equals_ignoring_case(authorization.substr(0, 7), scheme))
            return go_without_key(x, c);
        auto bearer = authorization.substr(scheme.size());
        bearer.remove_prefix(std::min(bearer.find_first_not_of(' '), bearer.size()));
        if (!key.empty() && !schema::same_secret(key, bearer))
            return go_without_key(x, c);
        key = bearer;
    }
    if (x.in.count("x-api-key") > 1 || x.in.count("authorization") > 1 || !api_key::well_formed(key))
        return go_without_key(x, c);

    auto digest = api_key::digest_of_key(key);
    const auto found = parts_.keys_of.find(digest, c.accepted_steady);
    if (found.what != credentials::verdict::unsure)
        return authenticated(x, c, found);
    if (!found.seen && !may_look_up(x, c))
        return next::settled;
    const auto box = std::make_shared<credentials::answer>();
    x.then = [this, box](exchange& later) { return authenticated(later, call_of(later), *box); };
    parts_.keys_of.resolve(std::move(digest), [box, wake = x.wake](credentials::answer said) {
        *box = std::move(said);
        wake();
    });
    return next::parked;
}

// Of keys that nobody has seen so many are looked up in a minute, whoever sends them. Beyond it an address that is over
// its own limit hears of that, and any other that the server is busy: its key may be a good one.
bool api::may_look_up(exchange& x, call& c)
{
    const auto now = c.accepted_steady;
    const bool is_limited = !addresses_.peek(limited_as(x.in.peer), now).allowed;
    if ((!is_limited || lookups_when_limited_.take(config_.lookups_per_minute_when_limited, now).allowed) &&
        unknown_keys_.take(config_.unknown_keys_per_minute, now).allowed)
        return true;
    if (keep_address_limit(x, c))
        c.refuse("busy");
    return false;
}

next api::authenticated(exchange& x, call& c, const credentials::answer& said)
{
    if (said.what == credentials::verdict::unavailable)
        return c.refuse("unavailable"), next::settled;
    const bool expired = said.who && said.who->expires_at && *said.who->expires_at <= c.accepted;
    if (said.what != credentials::verdict::known || expired)
        return go_without_key(x, c);
    c.who = said.who;
    c.who->activity->calls.fetch_add(1, std::memory_order_relaxed);
    c.who->activity->last_used_us.store(c.accepted.us, std::memory_order_relaxed);
    if (!keep_key_limit(x, c))
        return next::settled;
    if (!c.wrong.empty())
        return answer_wrong(c);
    return authorise(c) ? after_key(x, c) : next::settled;
}

bool api::authorise(call& c)
{
    const principal& who = *c.who;
    const bool permitted =
        c.where->scope == needs::nothing ||
        (!who.operators &&
         ((c.where->scope == needs::any_key && who.read) || (c.where->scope == needs::read && who.read) ||
          (c.where->scope == needs::write && who.write) || (c.where->scope == needs::admin && who.admin)));
    if (!permitted)
        c.refuse("forbidden");
    return permitted;
}

next api::after_key(exchange&, call& c) { return check_media(c) && check_fields(c) ? next::proceed : next::settled; }

bool api::check_media(call& c)
{
    if (!c.in->has_body || !c.where->command)
        return true;
    const auto encoding = c.in->field("content-encoding");
    const auto type = media_type(c.in->field("content-type"));
    const bool is_patch = c.where->method == verb::patch;
    const bool known = type && (*type == "application/json" || (is_patch && *type == "application/merge-patch+json"));
    if (known && (encoding.empty() || equals_ignoring_case(encoding, "identity")))
        return true;
    c.out->add("Accept", is_patch ? "application/json, application/merge-patch+json" : "application/json");
    c.refuse("unsupported_media_type");
    return false;
}

bool api::check_fields(call& c)
{
    c.prefer = read_prefer(c.in->field("prefer"));
    if (!c.where->command)
        return true;
    const auto sent = read_query(c.in->query);
    if (!sent)
        return c.refuse(bad_query("query", "It is not percent-encoded UTF-8.")), false;
    for (const auto& [name, value] : *sent)
    {
        if (name != "dry_run" || sent->size() > 1)
            return c.refuse(bad_query(name, "This route takes no such parameter.")), false;
        if (value != "true" && value != "false")
            return c.refuse(bad_query(name, "It is true or false.")), false;
        c.is_rehearsal = value == "true";
    }
    return true;
}

// -- The body

next api::on_body(exchange& x)
{
    const auto c = std::static_pointer_cast<call>(x.context);
    if (c->where->command)
        return run_command(x, c);
    if (c->where->query)
        return run_query(x, c);
    c->where->local(*c);
    return next::settled;
}

// -- Commands

next api::run_command(exchange& x, const std::shared_ptr<call>& c)
{
    // For the request's fingerprint.
    const bool needs_tenants_key = x.in.count("idempotency-key") > 0 && !c->is_rehearsal;
    if (!needs_tenants_key || parts_.ring.knows_tenant(c->who->tenant))
        return submit(x, c);
    const auto box = std::make_shared<bool>(false);
    x.then = [this, box, c](exchange& later) {
        if (*box)
            return submit(later, c);
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
    asked.meta.ip = c.in->peer;
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
    auto& newest = c.who->activity->last_write_seq;
    auto before = newest.load(std::memory_order_relaxed);
    while (before < at.seq && !newest.compare_exchange_weak(before, at.seq))
    {
    }
    c.out->add("Clientflow-Position", write_position({incarnation(), at}));
}

// -- Queries

next api::run_query(exchange& x, const std::shared_ptr<call>& c)
{
    if (const auto field = c->in->field("clientflow-position"); !field.empty())
    {
        const auto token = read_position(field);
        if (!token)
            return c->refuse(bad_header("Clientflow-Position", "It is not a position of this service.")), next::settled;
        c->foreign_incarnation = token->incarnation != incarnation();
        if (!c->foreign_incarnation && c->who && token->at.lane == c->who->lane)
            c->at_least = token->at;
    }
    if (c->who && !c->foreign_incarnation)
    {
        const auto own = c->who->activity->last_write_seq.load();
        if (own > 0 && (!c->at_least || c->at_least->seq < own))
            c->at_least = event_log::position{c->who->lane, own};
    }
    const bool waits = c->at_least && !parts_.shown.has_reached({&*c->at_least, 1});
    return waits ? wait_for_rows(x, c) : start_query(x, c);
}

// Leaves a call with the read models and one with the shard's ticker; whichever comes first goes on.
next api::wait_for_rows(exchange& x, const std::shared_ptr<call>& c)
{
    const auto wanted = c->prefer.wait ? std::chrono::milliseconds{*c->prefer.wait} : config_.wait_default;
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
    x.due = c->accepted_steady + std::min(wanted, config_.wait_max);
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
    x.then = [this, c](exchange&) {
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
    const auto failed = [this, c, wake = x.wake](const char* why) {
        parts_.log.note(severity::warning, "query.no_connection", why);
        c->refuse("unavailable");
        wake();
    };
    if (parts_.queries.submit(run, failed))
        return next::parked;
    c->refuse("busy");
    return next::settled;
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
    if (c.shown)
    {
        c.out->add("Clientflow-Position", write_position({incarnation(), *c.shown}));
        c.stale = c.stale || (c.at_least && c.shown->lane == c.at_least->lane && c.shown->seq < c.at_least->seq);
    }
    // Also "not found": the row may only not be there yet.
    if ((c.out->status < 400 || c.out->status == 404) && (c.stale || c.foreign_incarnation))
        c.out->add("Clientflow-Stale", "true");
}

// -- The end of a request

void api::on_answer(exchange& x, double seconds)
{
    if (!x.context)
        return;
    call& c = call_of(x);
    compress_if_asked(x, c);
    x.out.fields += usual_fields;
    x.out.add("X-Request-Id", c.request_id);
    if (c.where)
        counted_.count(c.route_number, x.out.status, seconds);
    else
        unrouted_.count(seconds);
    if (c.unlimited && x.out.status < 400)  // asked every second by whoever watches
        return;
    access_line line;
    line.request_id = c.request_id;
    line.traceparent = c.traceparent;
    line.method = x.in.method == verb::other ? std::string_view{"OTHER"} : text_of(x.in.method);
    line.route = c.where ? c.where->pattern : std::string_view{};
    line.status = x.out.status;
    line.code = c.code;
    line.seconds = seconds;
    if (c.who)
        line.tenant = c.who->tenant_text, line.principal = c.who->key_text;
    line.network = network_of(x.in.peer);
    line.answer_bytes = x.out.text().size();
    parts_.log.access(line);
}

// What a query made is compressed where it was made: a shard has other connections to serve.
void api::compress_if_asked(exchange& x, const call& c) const
{
    if ((c.where && c.where->query && x.out.status < 400) || !takes_gzip(x.in.joined("accept-encoding")))
        return;
    if (x.out.borrowed_body.data() == parts_.openapi.data())
        compress_as(x.out, packed_openapi_);
    else
        compress(x.out);
}

void api::on_refused(exchange& x, int status, std::string_view code, std::string_view detail, std::string_view peer)
{
    auto what = make_problem(code, std::string{detail});
    what.status = status;
    if (x.context)
    {
        call_of(x).refuse(what);
        on_answer(x, std::chrono::duration<double>(steady::now() - call_of(x).accepted_steady).count());
        return;
    }
    const auto id = "req_" + make_id(parts_.clock.now()).base32();
    render(what, {"", id, config_.upgrade_url}, x.out);
    x.out.fields += usual_fields;
    x.out.add("X-Request-Id", id);
    unrouted_.count(0);
    access_line line;
    line.request_id = id;
    line.status = status;
    line.code = code;
    line.network = network_of(peer);
    parts_.log.access(line);
}

void api::on_exception(exchange& x, std::string_view what)
{
    parts_.log.note(severity::error, "http.exception", what);
    x.out = reply{};
    auto told = make_problem("internal");
    if (!x.context)
        return render(told, {x.in.path, "", config_.upgrade_url}, x.out);
    told.outcome_unknown = call_of(x).submitted;
    call_of(x).refuse(told);
}

void api::write_metrics(metrics_text& text) const
{
    text.family("clientflow_http_request_duration_seconds", "histogram", "From the complete head to the answer.");
    const auto routes = parts_.routes.routes();
    for (std::size_t i = 0; i < routes.size(); ++i)
        for (std::size_t of = 0; of < route_metrics::classes.size(); ++of)
            if (counted_.is_used(i, of))
                counted_.of(i, of).write(text,
                                         {{"route", routes[i]->operation}, {"status", route_metrics::classes[of]}});
    unrouted_.write(text, {{"route", "none"}, {"status", "4xx"}});
    const auto keys = parts_.keys_of.look();
    text.family("clientflow_api_keys_known", "gauge", "API keys kept in memory.");
    text.sample({}, static_cast<double>(keys.known));
    text.family("clientflow_api_key_lookups_total", "counter", "API keys looked up in the store.");
    text.sample({}, static_cast<double>(keys.lookups));
    text.family("clientflow_api_key_check_failures_total", "counter", "Times the store could not be asked for keys.");
    text.sample({}, static_cast<double>(keys.failed_checks));
}
}  // namespace http
