#include "http/server/event_poll.hpp"

#include "http/server/event_ask.hpp"
#include "schemas/json_writer.hpp"

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

namespace http
{
namespace
{
using steady = std::chrono::steady_clock;
using event_feed::fan_out;

constexpr std::size_t answer_bytes_max = 1024 * 1024;

struct delivery
{
    std::mutex mutex;
    std::optional<past_events::page> page;  // guarded by mutex
};

struct polling
{
    live& of;
    std::shared_ptr<gate> news;
    std::shared_ptr<fan_out::follower> follower;
    event_ask asked;
    steady::time_point begun_by;
    steady::time_point search_until;  // for something older
    steady::time_point wait_until;    // for something new
    bool has_begun = false;
    bool is_answered = false;
    std::uint64_t history = 0;
    std::string incarnation;
    std::int64_t began_at = 0;
    std::int64_t cursor = 0;
    std::vector<event_feed::shown> found;
    std::shared_ptr<delivery> asked_page{};
};

bool answer(call& c, polling& of)
{
    const auto next_after = write_position({of.incarnation, {c.who->lane, of.cursor}});
    std::string text;
    schema::json_writer json{text};
    json.begin_object().key("data").begin_array();
    for (const auto& one : of.found)
        json.raw(one->json());
    json.end_array().member("next_after", next_after).end_object();
    c.out->add("Clientflow-Position", next_after);
    c.answer_json(std::move(text));
    ++of.of.polls;
    return true;
}

bool refuse(call& c, std::string_view code) { return c.refuse(code), true; }

void take(polling& of, std::vector<event_feed::shown>&& events, std::int64_t up_to)
{
    for (auto& one : events)
    {
        if (static_cast<std::int64_t>(of.found.size()) == of.asked.limit)
            return;
        of.cursor = one->seq;
        if (of.asked.types.takes(one->type))
            of.found.push_back(std::move(one));
    }
    if (static_cast<std::int64_t>(of.found.size()) < of.asked.limit)
        of.cursor = up_to;
}

bool is_full(const polling& of)
{
    std::size_t bytes = 0;
    for (const auto& one : of.found)
        bytes += one->json_size;
    return static_cast<std::int64_t>(of.found.size()) == of.asked.limit || bytes >= answer_bytes_max;
}

// Who has found something does not wait for more than its search brings.
steady::time_point end_of_search(const polling& of)
{
    return of.found.empty() ? std::max(of.search_until, of.wait_until) : of.search_until;
}

bool begin(call& c, polling& of, const fan_out::look& now)
{
    const auto from = find_start(of.asked, *c.who, now, false);
    of.has_begun = true;
    of.search_until = steady::now() + of.of.config().wait_default;
    of.history = now.history;
    of.incarnation = now.incarnation;
    of.began_at = of.cursor = from.seq;
    return from.what == starting_place::kind::place;
}

// False: too many are waiting.
bool ask_for_page(call& c, polling& of, std::int64_t up_to)
{
    of.asked_page = std::make_shared<delivery>();
    past_events::ask asked{c.who->tenant, {c.who->lane, of.cursor}, up_to, of.incarnation};
    if (of.asked.types.takes_all())
        asked.events_max = static_cast<std::size_t>(of.asked.limit);
    asked.asker = of.asked_page;
    asked.until = end_of_search(of);
    const std::weak_ptr<delivery> box = of.asked_page;
    return of.of.past().read(std::move(asked), [box, news = of.news](past_events::page came) {
        if (const auto into = box.lock())
        {
            const std::lock_guard lock{into->mutex};
            into->page = std::move(came);
        }
        news->fire();
    });
}

// What the asked page brought; nothing: it has not come yet.
std::optional<past_events::page> page_of(polling& of)
{
    const std::lock_guard lock{of.asked_page->mutex};
    auto came = std::move(of.asked_page->page);
    of.asked_page->page.reset();
    return came;
}

// True: answered or refused. Otherwise the gate fires when there is something to look at, and at `due`.
bool try_answer(exchange& x, call& c, polling& of)
{
    for (;;)
    {
        const auto time = steady::now();
        x.due = of.has_begun ? end_of_search(of) : of.begun_by;
        if (of.asked_page)
        {
            auto came = page_of(of);
            if (!came && time < x.due)
                return false;
            of.asked_page = nullptr;
            if (!came)
                return of.cursor > of.began_at ? answer(c, of) : refuse(c, "busy");
            if (came->failed)
                return refuse(c, "unavailable");
            take(of, std::move(came->events), came->up_to);
            // A page that is not full yet goes on, so that a short answer means: that is all there is now.
            if (is_full(of) || time >= end_of_search(of))
                return answer(c, of);
        }
        auto now =
            of.of.events().at(*of.follower, of.cursor, static_cast<std::size_t>(of.asked.limit), answer_bytes_max);
        if (!now.ready)
            return time >= of.begun_by && refuse(c, "unavailable");
        if (!of.has_begun)
        {
            if (!begin(c, of, now))
                return refuse(c, "bad_cursor");
            continue;
        }
        if (now.history != of.history)
            return refuse(c, "bad_cursor");
        if (now.behind)
        {
            if (!ask_for_page(c, of, now.ring_from))
                return refuse(c, "busy");
            continue;
        }
        const bool any = !now.events.empty();
        take(of, std::move(now.events), now.up_to);
        if (!of.found.empty())
            return answer(c, of);
        if (any)
            continue;
        if (time >= of.wait_until && (now.is_current || time >= of.search_until))
            return answer(c, of);
        x.due = time >= of.wait_until ? of.search_until : of.wait_until;
        return false;
    }
}

next run(exchange& x, const std::shared_ptr<call>& c, const std::shared_ptr<polling>& of)
{
    x.on_due = nullptr;
    of->news->arm(x.wake);
    of->is_answered = try_answer(x, *c, *of);
    if (of->is_answered && of->news->disarm())
        return next::settled;
    x.on_due = [news = of->news] { news->fire(); };
    x.then = [c, of](exchange& later) {
        if (!of->is_answered)
            return run(later, c, of);
        later.on_due = nullptr;
        return next::settled;
    };
    return next::parked;
}
}  // namespace

next begin_event_poll(exchange& x, const std::shared_ptr<call>& c)
{
    auto asked = read_event_ask(*c, {"after", "types", "limit"}, false);
    if (!asked)
        return next::settled;
    live& of = c->server->streams();
    const auto& config = of.config();
    const auto wait =
        std::min<std::chrono::milliseconds>(c->prefer.wait.value_or(std::chrono::seconds{0}), config.wait_max);
    const auto news = std::make_shared<gate>();
    auto follower = of.events().follow(c->who->tenant, c->who->lane, [news] { news->fire(); });
    const auto from = c->accepted_steady;
    const auto made =
        std::make_shared<polling>(polling{of, news, std::move(follower), std::move(*asked),
                                          from + config.begin_time_max, from + config.wait_default, from + wait});
    return run(x, c, made);
}
}  // namespace http
