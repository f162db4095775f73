#include "http/server/event_stream.hpp"

#include "http/server/event_ask.hpp"
#include "http/server/jitter.hpp"
#include "http/server/key_watch.hpp"

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <utility>

namespace http
{
namespace
{
using steady = std::chrono::steady_clock;
using event_feed::fan_out;

// Who listens, and from where.
struct listening
{
    live& of;
    std::shared_ptr<gate> news;
    std::shared_ptr<fan_out::follower> follower;
    live::place place;
    event_ask asked;
    std::string key_digest;
    schema::uuid tenant;
    std::int32_t lane = 0;
    std::shared_ptr<const ticket> used;
    steady::time_point begun_by;
};

class event_stream final : public body_source
{
public:
    event_stream(std::shared_ptr<listening> who, const fan_out::look& now, const starting_place& from)
        : who_(std::move(who))
        , of_(who_->of)
        , history_(now.history)
        , incarnation_(now.incarnation)
        , cursor_(from.seq)
        , key_(of_, who_->key_digest, steady::now())
    {
        const auto& config = of_.config();
        prelude_ = first_block(
            id(), jittered(static_cast<int>(config.retry_min.count()), static_cast<int>(config.retry_max.count())));
        if (from.what == starting_place::kind::other_history)
            say_reset();
        next_check_ = steady::now() + config.key_check_interval;
        ++of_.opened;
    }

    void begin(waker wake) override { who_->news->open(std::move(wake)); }
    state pull(std::string& out, std::size_t room) override;
    steady::time_point again_at() const override { return std::min(comment_due_, retry_at_); }
    bool has_end() const override { return false; }
    bool finish(ending) override;
    bool is_void() override;

private:
    std::string id() const { return write_position({incarnation_, {who_->lane, held_.empty() ? cursor_ : written_}}); }
    void say_reset();
    void leave(std::string_view why);
    bool write_held(std::string& out, std::size_t from, std::size_t room);
    bool fetch();
    bool take_page();
    void ask_for_page(std::int64_t up_to);
    void hold(std::vector<event_feed::shown>, std::int64_t up_to);
    void let_go();
    void let_go_of_untaken(steady::time_point now);
    bool is_in_the_way(steady::time_point now) const;

    // What another thread brings.
    struct delivery
    {
        std::mutex mutex;
        std::optional<past_events::page> page;  // guarded by mutex
        steady::time_point came_at;             // guarded by mutex
    };

    const std::shared_ptr<listening> who_;
    live& of_;
    std::uint64_t history_;
    std::string incarnation_;
    std::int64_t cursor_;       // of what is held and written, the end
    std::int64_t written_ = 0;  // the last that was written whole
    std::string prelude_;
    std::deque<event_feed::shown> held_;
    std::size_t offset_ = 0;  // of the first held, written
    std::shared_ptr<delivery> asked_page_;
    steady::time_point retry_at_ = steady::time_point::max();
    steady::time_point comment_due_ = steady::now();
    std::optional<steady::time_point> full_since_;
    bool is_slow_ = false;
    bool was_current_ = false;  // it has reached the ring
    bool holds_past_ = false;   // what is held came from the log
    std::string_view leaving_;  // why
    steady::time_point next_check_;
    std::optional<steady::time_point> gone_since_;  // the key
    key_watch key_;
};

body_source::state event_stream::pull(std::string& out, std::size_t room)
{
    const auto now = steady::now();
    const auto from = out.size();
    is_slow_ = is_slow_ || (full_since_ && now - *full_since_ > of_.config().slow_after);
    full_since_.reset();
    for (;;)
    {
        if (!write_held(out, from, room))
        {
            full_since_ = now;
            return state::more;
        }
        if (!leaving_.empty())
            break;
        if (!fetch())
            break;
    }
    if (!leaving_.empty())
    {
        const auto last = cut_block(id(), leaving_);
        if (out.size() - from + last.size() > room)
            return state::more;
        out += last;
        return state::ended;
    }
    is_slow_ = false;
    if (out.size() == from && now >= comment_due_)
        out += comment_block(id());
    if (out.size() > from)
        comment_due_ = now + of_.config().comment_interval;
    return state::waiting;
}

// True: all that was held is written. Only a block that is larger than a whole piece is ever cut.
bool event_stream::write_held(std::string& out, std::size_t from, std::size_t room)
{
    if (!prelude_.empty() && out.size() > from && out.size() - from + prelude_.size() > room)
        return false;
    if (!prelude_.empty())
        out += std::exchange(prelude_, {});
    while (!held_.empty())
    {
        const std::string& text = held_.front()->text;
        const auto space = room - (out.size() - from);
        const auto left = text.size() - offset_;
        if (left > space && offset_ == 0 && out.size() > from)
            return false;
        const auto bytes = std::min(left, space);
        out.append(text, offset_, bytes);
        offset_ += bytes;
        if (bytes < left)
            return false;
        written_ = held_.front()->seq;
        offset_ = 0;
        held_.pop_front();
        ++of_.sent;
    }
    return true;
}

// True: there is something to write, or it is to be asked again.
bool event_stream::fetch()
{
    if (asked_page_)
        return take_page();
    if (retry_at_ != steady::time_point::max() && steady::now() < retry_at_)
        return false;
    retry_at_ = steady::time_point::max();
    const auto& config = of_.config();
    const auto now = of_.events().at(*who_->follower, cursor_, config.hold_events_max, config.hold_bytes_max);
    if (!now.ready)
        return false;
    if (now.history != history_)
    {
        history_ = now.history;
        incarnation_ = now.incarnation;
        cursor_ = now.head;
        say_reset();
        return true;
    }
    if (now.behind && is_slow_ && was_current_)
        return leave("slow"), true;
    if (now.behind)
        return ask_for_page(now.ring_from), false;
    const bool any = !now.events.empty();
    hold(now.events, now.up_to);
    holds_past_ = false;
    was_current_ = true;
    return any;
}

bool event_stream::take_page()
{
    std::optional<past_events::page> came;
    {
        const std::lock_guard lock{asked_page_->mutex};
        came = std::move(asked_page_->page);
    }
    if (!came)
        return false;
    asked_page_ = nullptr;
    if (came->failed)
        return retry_at_ = steady::now() + std::chrono::milliseconds{jittered(300, 900)}, false;
    hold(std::move(came->events), came->up_to);
    holds_past_ = true;
    return true;
}

void event_stream::ask_for_page(std::int64_t up_to)
{
    asked_page_ = std::make_shared<delivery>();
    past_events::ask asked{who_->tenant, {who_->lane, cursor_}, up_to, incarnation_};
    asked.events_max = of_.config().hold_events_max;
    asked.bytes_max = of_.config().stream_page_bytes_max;
    asked.asker = asked_page_;
    const std::weak_ptr<delivery> box = asked_page_;
    const auto deliver = [box, news = who_->news](past_events::page came) {
        if (const auto into = box.lock())
        {
            const std::lock_guard lock{into->mutex};
            into->page = std::move(came);
            into->came_at = steady::now();
        }
        news->fire();
    };
    if (of_.past().read(std::move(asked), deliver))
        return;
    asked_page_ = nullptr;
    retry_at_ = steady::now() + std::chrono::milliseconds{jittered(300, 900)};
}

void event_stream::hold(std::vector<event_feed::shown> events, std::int64_t up_to)
{
    written_ = cursor_;
    cursor_ = up_to;
    for (auto& one : events)
        if (who_->asked.types.takes(one->type))
            held_.push_back(std::move(one));
}

void event_stream::say_reset()
{
    prelude_ += reset_block(id());
    ++of_.resets;
}

// What is held is left for the next time; a block that is half written comes to its end.
void event_stream::let_go()
{
    if (held_.empty())
        return;
    const bool is_half_written = offset_ > 0;
    held_.resize(is_half_written ? 1 : 0);
    held_.shrink_to_fit();
    cursor_ = is_half_written ? held_.front()->seq : written_;
}

// A client that takes nothing costs a piece, and the event that it is in the middle of.
void event_stream::let_go_of_untaken(steady::time_point now)
{
    const auto limit = now - of_.config().slow_after;
    if (full_since_ && *full_since_ < limit)
        let_go();
    if (!asked_page_)
        return;
    const std::lock_guard lock{asked_page_->mutex};
    if (asked_page_->page && asked_page_->came_at < limit)
        asked_page_->page.emplace().up_to = cursor_;  // as if nothing had been there: it asks again
}

// An event that is half written cannot be let go of. When too much is held for anybody to be read more, its client
// goes.
bool event_stream::is_in_the_way(steady::time_point now) const
{
    return holds_past_ && offset_ > 0 && full_since_ && now - *full_since_ > of_.config().slow_after &&
           of_.past().holds_too_much(who_->tenant);
}

void event_stream::leave(std::string_view why)
{
    if (!leaving_.empty())
        return;
    leaving_ = why;
    let_go();
    ++(why == "slow" ? of_.cut_slow : why == "key" ? of_.cut_key : of_.cut_draining);
}

bool event_stream::finish(ending why)
{
    leave(why == ending::too_slow ? "slow" : "draining");
    return true;
}

// -- The key

bool event_stream::is_void()
{
    const auto now = steady::now();
    let_go_of_untaken(now);
    if (is_in_the_way(now))
        return ++of_.cut_slow, true;
    if (gone_since_)
        return now - *gone_since_ > of_.config().key_check_interval;
    if (now < next_check_)
        return false;
    next_check_ = now + of_.config().key_check_interval;
    if (key_.is_good(now))
        return false;
    gone_since_ = now;
    leave("key");
    who_->news->fire();
    return false;
}

// -- The beginning

next settle(exchange& x, call& c, const std::shared_ptr<listening>& who, const fan_out::look& now,
            const starting_place& from)
{
    x.out.content_type = "text/event-stream";
    x.out.add("X-Accel-Buffering", "no");  // proxies that gather answers are asked not to
    x.out.add("Clientflow-Position", write_position({now.incarnation, {c.who->lane, from.seq}}));
    x.out.close = true;
    x.out.source = std::make_shared<event_stream>(who, now, from);
    return next::settled;
}

// A ticket counts as used when nothing else stands in the way of the stream.
next use_ticket(exchange& x, const std::shared_ptr<call>& c, const std::shared_ptr<listening>& who,
                const fan_out::look& now, const starting_place& from)
{
    const auto box = std::make_shared<ticket_desk::use_kind>(ticket_desk::use_kind::failed);
    x.then = [c, who, box, now, from](exchange& later) {
        if (*box == ticket_desk::use_kind::first)
            return settle(later, *c, who, now, from);
        c->refuse(*box == ticket_desk::use_kind::again ? "unauthenticated" : "unavailable");
        return next::settled;
    };
    const auto noted = [box, wake = x.wake](ticket_desk::use_kind found) {
        *box = found;
        wake();
    };
    if (who->of.desk().use(*who->used, who->begun_by, noted))
        return next::parked;
    c->refuse("busy");
    return next::settled;
}

next wait_for_place(exchange& x, const std::shared_ptr<call>& c, const std::shared_ptr<listening>& who)
{
    x.on_due = nullptr;
    who->news->arm(x.wake);
    const auto now = who->of.events().at(*who->follower, 0, 0, 0);
    const bool is_late = steady::now() >= who->begun_by;
    if ((!now.ready && !is_late) || !who->news->disarm())
    {
        x.due = who->begun_by;
        x.on_due = [news = who->news] { news->fire(); };
        x.then = [c, who](exchange& later) { return wait_for_place(later, c, who); };
        return next::parked;
    }
    if (!now.ready)
        return c->refuse("unavailable"), next::settled;
    const auto from = find_start(who->asked, *c->who, now, true);
    if (from.what == starting_place::kind::other_lane)
        return c->refuse("bad_cursor"), next::settled;
    // Within a stream there is no 503 any more, so who would only wait is told at once.
    if (from.seq < now.ring_from && !who->of.past().has_room_for(who->tenant))
        return c->refuse("busy"), next::settled;
    return who->used ? use_ticket(x, c, who, now, from) : settle(x, *c, who, now, from);
}
}  // namespace

next begin_event_stream(exchange& x, const std::shared_ptr<call>& c)
{
    auto asked = read_event_ask(*c, {"after", "types", "ticket"}, true);
    if (!asked)
        return next::settled;
    x.out.content_type = "text/event-stream";
    if (x.in.method == verb::head)
        return next::settled;
    live& of = c->server->streams();
    auto place = of.admit(c->who->key.value);
    if (!place)
    {
        auto what = make_problem("rate_limited", "This key has as many streams as it may; end one first.");
        what.retry_after_seconds = jittered(5, 15);
        return c->refuse(what), next::settled;
    }
    const auto news = std::make_shared<gate>();
    auto follower = of.events().follow(c->who->tenant, c->who->lane, [news] { news->fire(); });
    const auto who = std::make_shared<listening>(
        listening{of, news, std::move(follower), std::move(place), std::move(*asked), c->key_digest, c->who->tenant,
                  c->who->lane, c->used_ticket, c->accepted_steady + of.config().begin_time_max});
    return wait_for_place(x, c, who);
}
}  // namespace http
