#include "http/server/operations.hpp"

#include "commands/api_key.hpp"
#include "http/server/query_string.hpp"
#include "http/server/thread_name.hpp"
#include "schemas/text.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

namespace http
{
namespace
{
// One request on its way: lives in its exchange and, while it is run, with the thread.
struct errand
{
    const operation* what = nullptr;
    operation_call call;
    std::string answer;
    std::optional<problem> refused;
};

next refuse(exchange& x, const problem& why)
{
    render(why, {x.in.path, "", ""}, x.out);
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
    next known(exchange&, errand&, const credentials::answer&);
    next hand_over(exchange&, const std::shared_ptr<errand>&);
    void run();
    static void answer(errand&);

    const std::vector<operation> table;
    credentials& keys;
    const schema::clock& clock;

    struct waiting
    {
        std::shared_ptr<errand> what;
        waker wake;
    };
    std::mutex mutex;
    std::condition_variable filled;
    std::deque<waiting> queue;  // guarded by mutex, as below
    bool is_running = false;
    std::thread thread;
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
            all.append(all.empty() ? "" : ", ").append(each.method == verb::get ? "GET, HEAD" : "POST");
    return all;
}

next operations::implementation::known(exchange& x, errand& on, const credentials::answer& said)
{
    if (said.what == credentials::verdict::unavailable)
        return refuse(x, make_problem("unavailable"));
    const auto now = clock.now();
    if (said.what != credentials::verdict::known || (said.who->expires_at && *said.who->expires_at <= now))
        return refuse(x, make_problem("unauthenticated"));
    said.who->activity->calls.fetch_add(1, std::memory_order_relaxed);
    said.who->activity->last_used_us.store(now.us, std::memory_order_relaxed);
    if (!said.who->operators || std::ranges::find(said.who->scopes, on.what->scope) == said.who->scopes.end())
        return refuse(x, make_problem("forbidden", "The key has not the scope " +
                                                       std::string{schema::name_of(on.what->scope)} + '.'));
    on.call.operator_key = said.who->key_text;
    return next::proceed;
}

next operations::implementation::hand_over(exchange& x, const std::shared_ptr<errand>& on)
{
    {
        const std::lock_guard lock{mutex};
        if (!is_running || queue.size() >= waiting_max)
            return refuse(x, make_problem("busy"));
        x.then = [on](exchange& later) {
            if (on->refused)
                return refuse(later, *on->refused);
            later.out.status = on->what->status;
            later.out.content_type = "application/json";
            later.out.body = std::move(on->answer);
            return next::settled;
        };
        queue.push_back({on, x.wake});
    }
    filled.notify_one();
    return next::parked;
}

void operations::implementation::answer(errand& on)
{
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

void operations::implementation::run()
{
    name_this_thread("operator");
    for (;;)
    {
        waiting next_one;
        {
            std::unique_lock lock{mutex};
            filled.wait(lock, [&] { return !is_running || !queue.empty(); });
            if (!is_running)
                return;
            next_one = std::move(queue.front());
            queue.pop_front();
        }
        answer(*next_one.what);
        next_one.wake();
    }
}

operations::operations(std::vector<operation> table, credentials& keys, const schema::clock& clock)
    : self_(std::make_unique<implementation>(std::move(table), keys, clock))
{}

operations::~operations() { stop(); }

void operations::start()
{
    self_->is_running = true;
    self_->thread = std::thread{[self = self_.get()] { self->run(); }};
}

void operations::stop()
{
    {
        const std::lock_guard lock{self_->mutex};
        self_->is_running = false;
        self_->queue.clear();
    }
    self_->filled.notify_all();
    if (self_->thread.joinable())
        self_->thread.join();
}

next operations::on_head(exchange& x)
{
    constexpr std::string_view root = "/api/admin/";
    const auto path = x.in.path.substr(root.size());
    const auto found = self_->find(path, x.in.method);
    const auto key = key_in(x.in);
    if (!key || !api_key::well_formed(*key))
        return refuse(x, make_problem("unauthenticated"));
    if (found == nullptr)
    {
        const auto offered = self_->methods_of(path);
        if (offered.empty())
            return refuse(x, make_problem("not_found"));
        x.out.add("Allow", offered);
        return refuse(x, make_problem("method_not_allowed"));
    }
    auto parameters = read_query(x.in.query);
    if (!parameters)
        return refuse(x, bad_query("query", "It is not percent-encoded UTF-8."));
    for (const auto& [name, _] : *parameters)
        if (std::ranges::find(found->parameters, name) == found->parameters.end())
            return refuse(x, bad_query(name, "This operation takes no such parameter."));

    const auto on = std::make_shared<errand>();
    on->what = found;
    on->call.parameters = std::move(*parameters);
    x.context = on;
    auto digest = api_key::digest_of_key(*key);
    const auto said = self_->keys.find(digest, std::chrono::steady_clock::now());
    if (said.what != credentials::verdict::unsure)
        return self_->known(x, *on, said);
    const auto box = std::make_shared<credentials::answer>();
    x.then = [self = self_.get(), on, box](exchange& later) { return self->known(later, *on, *box); };
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
