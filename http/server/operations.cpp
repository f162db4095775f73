#include "http/server/operations.hpp"

#include "commands/api_key.hpp"
#include "http/server/headers.hpp"
#include "http/server/query_string.hpp"
#include "http/server/thread_name.hpp"
#include "schemas/text.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace http
{
namespace
{
errand& errand_of(exchange& x) { return *static_cast<errand*>(x.context.get()); }

next refuse(exchange& x, const problem& why)
{
    render(why, {x.in.path, errand_of(x).request_id, ""}, x.out);
    return next::settled;
}

// The key as it was sent; nothing when there is none, or two that differ.
std::optional<std::string_view> key_in(const request& in)
{
    constexpr std::string_view scheme = "bearer ";
    const auto authorization = in.field("authorization");
    auto key = in.field("x-api-key");
    if (in.count("x-api-key") > 1 || in.count("authorization") > 1)
        return std::nullopt;
    if (authorization.empty())
        return key.empty() ? std::nullopt : std::optional{key};
    if (authorization.size() <= scheme.size() || !equals_ignoring_case(authorization.substr(0, scheme.size()), scheme))
        return std::nullopt;
    const auto bearer = authorization.substr(scheme.size());
    if (!key.empty() && !schema::same_secret(key, bearer))
        return std::nullopt;
    return bearer;
}
}  // namespace

struct operations::implementation
{
    implementation(std::vector<operation> given, credentials& who, const schema::clock& time)
        : table(std::move(given)), keys(who), clock(time)
    {}

    const operation* find(std::string_view path, verb method) const;
    std::string methods_of(std::string_view path) const;  // empty: there is no such path
    next known(exchange&, const credentials::answer&);
    next choose(exchange&, const principal&);
    static std::optional<problem> lacks(const operation&, const query_parameters& sent);
    next hand_over(exchange&, const std::shared_ptr<errand>&);
    void start();
    void stop();
    void answer(errand&);

    const std::vector<operation> table;
    credentials& keys;
    const schema::clock& clock;

    struct waiting
    {
        std::shared_ptr<errand> what;
        waker wake;
    };
    // Errands that are run one after another, and the thread that does it.
    struct line
    {
        const char* name;
        std::size_t waiting_max;
        std::deque<waiting> queue{};  // guarded by mutex
        std::condition_variable filled{};
        std::thread thread{};
    };
    void run(line&);

    std::mutex mutex;
    bool is_running = false;  // guarded by mutex
    std::stop_source ending;
    line usual{"operator", waiting_max}, of_long_ones{"operator-reads", long_waiting_max};
};

const operation* operations::implementation::find(std::string_view path, verb method) const
{
    const auto meant = method == verb::head ? verb::get : method;
    const auto found =
        std::ranges::find_if(table, [&](const operation& each) { return each.path == path && each.method == meant; });
    return found == table.end() ? nullptr : &*found;
}

std::string operations::implementation::methods_of(std::string_view path) const
{
    std::string all;
    for (const auto& each : table)
        if (each.path == path)
            all.append(each.method == verb::get ? "GET, HEAD, " : "POST, ");
    return all.empty() ? all : all + "OPTIONS";
}

next operations::implementation::known(exchange& x, const credentials::answer& said)
{
    if (said.what == credentials::verdict::unavailable)
        return refuse(x, make_problem("unavailable"));
    const auto now = clock.now();
    if (said.what != credentials::verdict::known || (said.who->expires_at && *said.who->expires_at <= now))
        return refuse(x, make_problem("unauthenticated"));
    said.who->activity->calls.fetch_add(1, std::memory_order_relaxed);
    said.who->activity->last_used_us.store(now.us, std::memory_order_relaxed);
    if (!said.who->operators)
        return refuse(x, make_problem("forbidden", "The key is no operator's."));
    return choose(x, *said.who);
}

// A parameter that is there twice, or that must be there and is not.
std::optional<problem> operations::implementation::lacks(const operation& of, const query_parameters& sent)
{
    const auto count = [&](std::string_view name) {
        return std::ranges::count_if(sent, [&](const auto& each) { return each.first == name; });
    };
    for (const auto& [name, value] : sent)
        if (count(name) > 1)
            return bad_query(name, "It is there twice.");
    for (const auto name : of.required)
        if (std::ranges::none_of(sent, [&](const auto& each) { return each.first == name && !each.second.empty(); }))
            return bad_query(std::string{name}, "This operation wants it.");
    return std::nullopt;
}

// For an operator: what there is, whether the key may, and whether it was asked rightly.
next operations::implementation::choose(exchange& x, const principal& who)
{
    const auto path = x.in.path.substr(std::min(root.size() + 1, x.in.path.size()));
    const auto* found = find(path, x.in.method);
    if (found == nullptr)
    {
        const auto offered = methods_of(path);
        if (offered.empty())
            return refuse(x, make_problem("not_found"));
        x.out.add("Allow", offered);
        if (x.in.method != verb::options)
            return refuse(x, make_problem("method_not_allowed"));
        x.out.status = 204;
        return next::settled;
    }
    if (std::ranges::find(who.scopes, found->scope) == who.scopes.end())
        return refuse(x, make_problem("forbidden",
                                      "The key has not the scope " + std::string{schema::name_of(found->scope)} + '.'));
    auto parameters = read_query(x.in.query);
    if (!parameters)
        return refuse(x, bad_query("query", "It is not percent-encoded UTF-8."));
    for (const auto& [name, _] : *parameters)
        if (std::ranges::find(found->parameters, name) == found->parameters.end())
            return refuse(x, bad_query(name, "This operation takes no such parameter."));
    const auto lacking = lacks(*found, *parameters);
    if (lacking)
        return refuse(x, *lacking);
    if (x.in.has_body && found->method == verb::post)
        if (const auto unread = unread_media(x.in.field("content-type"), x.in.field("content-encoding"), false))
        {
            x.out.add("Accept", media_read(false));
            return refuse(x, *unread);
        }
    auto& on = errand_of(x);
    on.what = found;
    on.call.parameters = std::move(*parameters);
    on.call.operator_key = who.key_text;
    return next::proceed;
}

next operations::implementation::hand_over(exchange& x, const std::shared_ptr<errand>& on)
{
    line& to = on->what->takes_long ? of_long_ones : usual;
    {
        const std::lock_guard lock{mutex};
        if (!is_running || to.queue.size() >= to.waiting_max)
            return refuse(x, make_problem("busy"));
        x.then = [on](exchange& later) {
            if (on->refused)
                return refuse(later, *on->refused);
            later.out.status = on->what->status;
            later.out.content_type = "application/json";
            later.out.body = std::move(on->answer);
            return next::settled;
        };
        to.queue.push_back({on, x.wake});
    }
    to.filled.notify_one();
    return next::parked;
}

void operations::implementation::answer(errand& on)
{
    on.call.stopping = ending.get_token();
    try
    {
        on.answer = on.what->run(on.call);
    }
    catch (const operation_refused& said)
    {
        on.refused = said.why;
    }
    catch (const std::exception&)
    {
        on.refused = make_problem("internal");
    }
}

void operations::implementation::run(line& of)
{
    name_this_thread(of.name);
    for (;;)
    {
        waiting next_one;
        {
            std::unique_lock lock{mutex};
            of.filled.wait(lock, [&] { return !is_running || !of.queue.empty(); });
            if (!is_running)
                return;
            next_one = std::move(of.queue.front());
            of.queue.pop_front();
        }
        answer(*next_one.what);
        next_one.wake();
    }
}

operations::operations(std::vector<operation> table, credentials& keys, const schema::clock& clock)
    : self_(std::make_unique<implementation>(std::move(table), keys, clock))
{}

operations::~operations() { stop(); }

void operations::implementation::start()
{
    is_running = true;
    ending = {};
    for (line* each : {&usual, &of_long_ones})
        each->thread = std::thread{[this, each] { run(*each); }};
}

void operations::implementation::stop()
{
    {
        const std::lock_guard lock{mutex};
        is_running = false;
        usual.queue.clear();
        of_long_ones.queue.clear();
    }
    ending.request_stop();
    for (line* each : {&usual, &of_long_ones})
    {
        each->filled.notify_all();
        if (each->thread.joinable())
            each->thread.join();
    }
}

void operations::start() { self_->start(); }

void operations::stop() { self_->stop(); }

next operations::on_head(exchange& x)
{
    const auto key = key_in(x.in);
    if (!key || !api_key::well_formed(*key))
        return refuse(x, make_problem("unauthenticated"));
    auto digest = api_key::digest_of_key(*key);
    const auto said = self_->keys.find(digest, std::chrono::steady_clock::now());
    if (said.what != credentials::verdict::unsure)
        return self_->known(x, said);
    const auto box = std::make_shared<credentials::answer>();
    x.then = [self = self_.get(), box](exchange& later) { return self->known(later, *box); };
    self_->keys.resolve(std::move(digest), [box, wake = x.wake](credentials::answer found_out) {
        *box = std::move(found_out);
        wake();
    });
    return next::parked;
}

next operations::on_body(exchange& x)
{
    const auto on = std::static_pointer_cast<errand>(x.context);
    on->call.body = x.in.body.empty() ? "{}" : x.in.body;
    return self_->hand_over(x, on);
}
}  // namespace http
