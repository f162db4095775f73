#include "http/server/admin.hpp"

#include "http/server/headers.hpp"
#include "http/server/problem.hpp"
#include "schemas/json_writer.hpp"

#include <algorithm>
#include <array>

namespace http
{
namespace
{
const errand& errand_of(const exchange& x) { return *static_cast<const errand*>(x.context.get()); }
}  // namespace

void admin::begin(exchange& x, std::string_view sent_id)
{
    thread_local schema::uuid_source ids;  // a listener may have several threads
    auto made = std::make_shared<errand>();
    made->request_id = is_request_id(sent_id) ? std::string{sent_id} : "req_" + ids.next(clock_.now().us).base32();
    x.context = std::move(made);
}

next admin::on_head(exchange& x)
{
    reply& out = x.out;
    begin(x, x.in.field("x-request-id"));
    if (parts_.desk != nullptr && operations::is_meant(x.in.path))
        return parts_.desk->on_head(x);
    constexpr std::array<std::string_view, 4> known{"/livez", "/startupz", "/readyz", "/metrics"};
    if (x.in.method == verb::options && std::ranges::find(known, x.in.path) != known.end())
    {
        out.status = 204;
        out.add("Allow", "GET, HEAD, OPTIONS");
        return next::settled;
    }
    if (x.in.method != verb::get && x.in.method != verb::head)
    {
        out.add("Allow", "GET, HEAD, OPTIONS");
        render(make_problem("method_not_allowed"), {x.in.path, errand_of(x).request_id, ""}, out);
        return next::settled;
    }
    const bool started = phase_ != phase::starting;
    if (x.in.path == "/livez")
        out.content_type = "text/plain", out.body = "alive\n";
    else if (x.in.path == "/startupz")
        out.status = started ? 200 : 503, out.content_type = "text/plain",
        out.body = started ? "started\n" : "starting\n";
    else if (x.in.path == "/readyz")
        answer_readiness(out);
    else if (x.in.path == "/metrics")
        answer_metrics(out);
    else
        render(make_problem("not_found"), {x.in.path, errand_of(x).request_id, ""}, out);
    return next::settled;
}

next admin::on_body(exchange& x)
{
    return parts_.desk->on_body(x);  // nobody else asks for one
}

void admin::answer_readiness(reply& out)
{
    const phase now = phase_;
    bool ready = now == phase::ready;
    bool degraded = false;
    out.content_type = "application/json";
    schema::json_writer json{out.body};
    json.begin_object().key("checks").begin_array();
    for (const readiness& one : parts_.checks ? parts_.checks() : std::vector<readiness>{})
    {
        ready = ready && (one.well || !one.fatal);
        degraded = degraded || !one.well;
        json.begin_object()
            .member("name", one.name)
            .member("status", one.well    ? "ok"
                              : one.fatal ? "failed"
                                          : "degraded");
        json.member("detail", one.detail).end_object();
    }
    json.end_array();
    const std::string_view status = now == phase::starting   ? "starting"
                                    : now == phase::draining ? "draining"
                                    : !ready                 ? "unready"
                                    : degraded               ? "degraded"
                                                             : "ready";
    json.member("status", status).end_object();
    out.status = ready ? 200 : 503;
}

void admin::answer_metrics(reply& out)
{
    metrics_text text;
    text.family("clientflow_build_info", "gauge", "Which program this is.");
    text.sample({{"version", parts_.version}}, 1);
    for (const auto& write : parts_.figures)
        write(text);
    out.content_type = "text/plain; version=0.0.4; charset=utf-8";
    out.body = text.text();
}

void admin::on_answer(exchange& x, double)
{
    x.out.add("Cache-Control", "no-store");
    x.out.add("X-Request-Id", errand_of(x).request_id);
}

void admin::on_refused(exchange& x, int status, std::string_view code, std::string_view detail, std::string_view)
{
    const bool head_was_read = x.context != nullptr;
    if (!head_was_read)
        begin(x, {});
    auto what = make_problem(code, std::string{detail});
    what.status = status;
    render(what, {head_was_read ? x.in.path : std::string_view{}, errand_of(x).request_id, ""}, x.out);
    on_answer(x, 0);
}

void admin::on_exception(exchange& x, std::string_view)
{
    x.out = reply{};
    if (x.context == nullptr)
        begin(x, {});
    render(make_problem("internal"), {x.in.path, errand_of(x).request_id, ""}, x.out);
}
}  // namespace http
