// The first part of api.hpp: heads, keys and limits, and the end of every request. Commands and queries have files of
// their own.
#include "http/server/api.hpp"

#include "commands/api_key.hpp"
#include "http/server/compression.hpp"
#include "http/server/csv.hpp"
#include "http/server/jitter.hpp"
#include "http/server/live.hpp"
#include "http/server/network.hpp"
#include "http/server/position_token.hpp"
#include "http/server/query_string.hpp"
#include "schemas/text.hpp"

#include <algorithm>

namespace http
{
namespace
{
using steady = std::chrono::steady_clock;

constexpr std::string_view usual_fields =
    "Cache-Control: private, no-cache\r\n"
    "Access-Control-Allow-Origin: *\r\n"
    "Access-Control-Expose-Headers: ETag, Clientflow-Position, Clientflow-Stale, Idempotency-Replayed, Link, Location, "
    "RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id\r\n"
    "X-Content-Type-Options: nosniff\r\n";

constexpr std::string_view usual_vary = "Vary: Authorization, X-API-Key, Accept-Encoding\r\n";
constexpr std::string_view vary_with_csv = "Vary: Accept, Authorization, X-API-Key, Accept-Encoding\r\n";

constexpr std::string_view preflight_fields =
    "Access-Control-Allow-Headers: Authorization, X-API-Key, Content-Type, Accept, If-Match, If-None-Match, "
    "Idempotency-Key, Prefer, Clientflow-Position, Last-Event-ID, X-Request-Id, traceparent\r\n"
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

// Not even a path that somebody might be let into: what is told of it rests on no key.
bool is_no_path(std::string_view path) { return path.find('%') != std::string_view::npos && !plain_path(path); }

std::optional<std::string> ticket_in(std::string_view query)
{
    const auto sent = query.find("ticket=") == std::string_view::npos ? std::nullopt : read_query(query);
    if (sent)
        for (const auto& [name, value] : *sent)
            if (name == "ticket")
                return value;
    return std::nullopt;
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

// What to do about it, where the title does not say so; empty: the title.
std::string advice(const call& c)
{
    if (c.wrong == "not_acceptable")
        return "The answer exists in none of the accepted forms; it is " + std::string{c.where->media} +
               (c.where->has_csv() ? " or " + std::string{csv_media} : "") + '.';
    if (c.wrong == "not_found")
        return "There is no such path here; GET /api/openapi.json lists them.";
    return {};
}
}  // namespace

api::api(api_config config, api_parts parts)
    : config_(std::move(config))
    , parts_(std::move(parts))
    , addresses_(config_.address_per_minute, config_.addresses_max)
    , counted_(parts_.routes.routes().size())
    , packed_openapi_(gzip(parts_.openapi))
    , position_secret_(position_secret(parts_.ring))
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
    c.client = config_.trusted_proxies.empty() ? std::string{x.in.peer}
                                               : client_of(x.in.peer, x.in.joined("forwarded"),
                                                           x.in.joined("x-forwarded-for"), config_.trusted_proxies);
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
    else if (const auto accept = x.in.joined("accept");
             c.where->has_csv() && prefers(accept, csv_media, c.where->media))
        c.wants_csv = true;
    else if (!accepts(accept, c.where->media))
    {
        c.wants_csv = c.where->has_csv() && accepts(accept, csv_media);  // text/*
        if (!c.wants_csv && !accepts(accept, "application/problem+json"))
            c.wrong = "not_acceptable";
    }
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
        return c.refuse(make_problem(c.wrong, advice(c))), next::settled;
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
    const auto said = addresses_.take(limited_as(c.client), c.accepted_steady);
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

// Of answers that are sent for as long as their clients take them, and read on meanwhile.
bool api::keep_export_limit(call& c) const
{
    constexpr int again_seconds_least = 1, again_seconds_most = 5;  // an export ends when it does
    if (!c.wants_csv || !c.who)
        return true;
    auto& under_way = c.who->activity->exports;
    const auto with_this = ++under_way;
    c.export_slot =
        std::shared_ptr<const void>{&under_way, [activity = c.who->activity](const void*) { --activity->exports; }};
    if (with_this <= config_.exports_per_key_max)
        return true;
    c.export_slot.reset();
    auto what = make_problem("rate_limited");
    what.detail = "This key has as many CSV answers under way as it may.";
    what.retry_after_seconds = jittered(again_seconds_least, again_seconds_most);
    return c.refuse(what), false;
}

// Without a valid key: a request of its address. Public routes and what is offered are shown to everybody.
next api::go_without_key(exchange& x, call& c)
{
    if (!keep_address_limit(x, c))
        return next::settled;
    const bool has_key = x.in.count("x-api-key") + x.in.count("authorization") > 0;
    const bool is_public = c.where && c.where->scope == needs::nothing;
    if (!c.wrong.empty() &&
        (!has_key || is_public || c.unlimited || c.wrong == call::is_options || is_no_path(x.in.path)))
        return answer_wrong(c);
    if (is_public)
        return after_key(x, c);
    return c.refuse(make_problem("unauthenticated", "A valid API key is needed, sent as X-API-Key: KEY or as "
                                                    "Authorization: Bearer KEY.")),
           next::settled;
}

next api::authenticate(exchange& x, call& c)
{
    std::string_view key = x.in.field("x-api-key");
    const auto authorization = x.in.field("authorization");
    if (c.unlimited || is_no_path(x.in.path))  // whoever asks
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
    if (c.where && c.where->takes_ticket)
        if (const auto text = ticket_in(x.in.query))
            return key.empty() && authorization.empty() ? authenticate_ticket(x, c, *text) : go_without_key(x, c);
    if (x.in.count("x-api-key") > 1 || x.in.count("authorization") > 1 || !api_key::well_formed(key))
        return go_without_key(x, c);
    c.key_digest = api_key::digest_of_key(key);
    return know_key(x, c);
}

// It is written down as used only when the stream begins.
next api::authenticate_ticket(exchange& x, call& c, std::string_view text)
{
    auto sent = parts_.streams.read_ticket(text);
    if (!sent)
        return go_without_key(x, c);
    c.key_digest = sent->key_digest;
    c.used_ticket = std::make_shared<const ticket>(std::move(*sent));
    return know_key(x, c);
}

next api::know_key(exchange& x, call& c)
{
    auto digest = c.key_digest;
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
    const bool is_limited = !addresses_.peek(limited_as(c.client), now).allowed;
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
    {
        c.denied = expired ? said.who : said.gone;
        c.denied_for = expired ? accesses::reason::expired : said.why;
        return go_without_key(x, c);
    }
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
    if (!c.in->has_body || !c.where->writes())
        return true;
    const bool is_patch = c.where->method == verb::patch;
    const auto wrong = unread_media(c.in->field("content-type"), c.in->field("content-encoding"), is_patch);
    if (!wrong)
        return true;
    c.out->add("Accept", media_read(is_patch));
    return c.refuse(*wrong), false;
}

bool api::check_fields(call& c)
{
    c.prefer = read_prefer(c.in->field("prefer"));
    // A read looks at its own, for it waits until they are reached.
    if (!c.where->query && c.where->scope != needs::nothing)
        if (const auto field = c.in->joined("clientflow-position");
            !field.empty() && !read_positions(field, incarnation(), position_secret_))
            return c.refuse(bad_header("Clientflow-Position", "It is not a position of this service.")), false;
    if (!c.where->writes())
        return true;
    const auto sent = read_query(c.in->query);
    if (!sent)
        return c.refuse(bad_query("query", "It is not percent-encoded UTF-8.")), false;
    for (const auto& [name, value] : *sent)
    {
        if (name != "dry_run")
            return c.refuse(bad_query(name, "This route takes no such parameter.")), false;
        if (std::count_if(sent->begin(), sent->end(), [](const auto& each) { return each.first == "dry_run"; }) > 1)
            return c.refuse(bad_query(name, "It is given twice.")), false;
        if (value != "true" && value != "false")
            return c.refuse(bad_query(name, "It is true or false.")), false;
        c.is_rehearsal = value == "true";
    }
    return !c.where->is_batch || check_batch_fields(c);
}

// What a batch has of its own stands with its commands.
bool api::check_batch_fields(call& c)
{
    for (const std::string_view name : {"Idempotency-Key", "If-Match"})
        if (c.in->count(name) > 0)
            return c.refuse(bad_header(std::string{name}, "Each command of a batch has its own.")), false;
    if (c.is_rehearsal)
        return c.refuse(bad_query("dry_run", "A batch is not rehearsed; its commands are, one by one.")), false;
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
    if (c->where->is_batch)
        return run_batch(x, c);
    if (c->where->waiting)
        return c->where->waiting(x, c);
    c->where->local(*c);
    return next::settled;
}

// -- The end of a request

void api::on_answer(exchange& x, double seconds)
{
    if (!x.context)
        return;
    call& c = call_of(x);
    const bool says_nothing_of_the_log = c.where && (c.where->local || (x.out.status >= 400 && x.out.status < 500));
    if (says_nothing_of_the_log && c.who && !c.who->operators &&
        x.out.fields.find("Clientflow-Position: ") == std::string::npos)
        add_known_position(c);
    compress_if_asked(x, c);
    x.out.fields += usual_fields;
    x.out.fields += c.where && c.where->has_csv() ? vary_with_csv : usual_vary;
    x.out.add("X-Request-Id", c.request_id);
    if (c.where)
        counted_.count(c.route_number, x.out.status, seconds);
    else
        unrouted_.count(seconds);
    if (c.unlimited && x.out.status < 400)  // asked every second by whoever watches
        return;
    note_denied(x, c);
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
    line.network = network_of(c.client);
    line.answer_bytes = x.out.text().size();
    parts_.log.access(line);
}

// A key that we know was turned away: its organisation is told.
void api::note_denied(const exchange& x, const call& c)
{
    const auto& who = c.who ? c.who : c.denied;
    if (!who || who->operators || !c.where || (c.code != "unauthenticated" && c.code != "forbidden"))
        return;
    refusal_seen seen;
    seen.tenant = who->tenant;
    seen.key = who->key;
    seen.member = who->member;
    seen.code = c.code;
    seen.why = c.who ? accesses::reason::scope : c.denied_for;
    seen.route = c.where->operation;
    seen.at = c.accepted;
    seen.request_id = c.request_id;
    seen.ip = c.client;
    seen.agent = schema::clip(schema::mended_utf8(x.in.field("user-agent")), 256);
    parts_.refused.count(seen);
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
    x.out.fields += usual_vary;
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
    const auto refused = parts_.refused.look();
    text.family("clientflow_access_refused_total", "counter", "Requests of known keys answered with 401 or 403.");
    text.sample({}, static_cast<double>(refused.counted));
    text.family("clientflow_access_refused_untold_total", "counter", "Of these: not told to the log for want of room.");
    text.sample({}, static_cast<double>(refused.lost));
}
}  // namespace http
