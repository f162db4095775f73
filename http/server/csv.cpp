#include "http/server/csv.hpp"

#include "http/server/key_watch.hpp"
#include "http/server/query_route.hpp"
#include "schemas/assertion.hpp"
#include "schemas/csv.hpp"
#include "schemas/json.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>

namespace http
{
namespace
{
using steady = std::chrono::steady_clock;

constexpr std::chrono::milliseconds busy_pause{250};  // before a page is asked for again that the pool had no room for
// Behind a page that found nothing, so that an export of what is not there takes a quarter of a query thread: so many
// times what the page took, and not less or more than this. No page takes longer than a third of the most.
constexpr int empty_pause_factor = 3;
constexpr std::chrono::milliseconds empty_pause_min{20};
constexpr std::chrono::milliseconds empty_pause_max{15'000};

// What is asked of a list, owned: it outlives the request.
struct list_ask
{
    const projection::list_shape* shape = nullptr;
    const schema::record_type* record = nullptr;
    projection::list_place place;
    projection::parameters sent;
    std::optional<projection::under> parent;
};

// Nothing: the cursor is none of this list (never of one that was just made).
std::optional<projection::page> read_page(const list_ask& ask, projection::reader& models,
                                          const std::optional<std::string>& cursor)
{
    auto sent = ask.sent;
    if (cursor)
        sent.emplace_back("cursor", *cursor);
    auto asked = projection::read_list_query(*ask.shape, sent, ask.place, models.cursor_secret());
    if (!asked)
        return std::nullopt;
    asked->limit = projection::limit_max;
    return models.list(*ask.shape, ask.place, *asked, ask.parent);
}

void append_lines(std::string& out, const schema::record_type& record, std::string_view items)
{
    schema::json::document parsed;
    if (!parsed.parse(items))
        throw std::logic_error("a page of rows is no JSON: " + parsed.problem());
    for (schema::json::elements walk{parsed.root()}; walk.next();)
        schema::append_csv_line(out, record, walk.value);
}

// Between the shard that sends and the query thread that reads.
struct csv_feed
{
    csv_page_reader read;
    query_pool* pool = nullptr;
    schema::uuid tenant;

    std::mutex mutex;
    csv_page page;          // guarded by mutex, as all below
    std::size_t taken = 0;  // of its lines
    bool is_reading = false;
    bool has_failed = false;
    bool is_over = false;  // nobody takes any more
    waker wake;
    steady::time_point again_at = steady::time_point::max();
};

// On a query thread.
void read_on(const std::shared_ptr<csv_feed>& feed, query_context& with)
{
    std::string from;
    {
        const std::lock_guard lock{feed->mutex};
        if (feed->is_over)
            return;
        from = feed->page.next.value_or("");
    }
    std::optional<csv_page> page;
    const auto began = steady::now();
    try
    {
        page = feed->read(with, from);
    }
    catch (const std::exception&)
    {
        page.reset();  // the client sees that the answer has no end
    }
    const std::lock_guard lock{feed->mutex};
    feed->is_reading = false;
    feed->has_failed = !page;
    feed->page = std::move(page).value_or(csv_page{});
    feed->taken = 0;
    if (feed->page.lines.empty() && feed->page.next)
        feed->again_at = steady::now() + std::clamp<steady::duration>(empty_pause_factor * (steady::now() - began),
                                                                      empty_pause_min, empty_pause_max);
    feed->wake();
}

class csv_source final : public body_source
{
public:
    csv_source(std::shared_ptr<csv_feed> feed, live& of, const std::string& key_digest,
               std::shared_ptr<const void> slot)
        : slot_(std::move(slot))
        , feed_(std::move(feed))
        , check_every_(of.config().key_check_interval)
        , key_(of, key_digest, steady::now())
    {}
    ~csv_source() override
    {
        const std::lock_guard lock{feed_->mutex};
        feed_->is_over = true;
    }

    void begin(waker wake) override
    {
        const std::lock_guard lock{feed_->mutex};
        feed_->wake = std::move(wake);
    }

    state pull(std::string& out, std::size_t room) override
    {
        bool wants_page = false;
        {
            const std::lock_guard lock{feed_->mutex};
            if (feed_->has_failed)
                return state::failed;
            const auto& lines = feed_->page.lines;
            const auto bytes = std::min(room, lines.size() - feed_->taken);
            out.append(lines, feed_->taken, bytes);
            feed_->taken += bytes;
            if (feed_->taken < lines.size())
                return state::more;
            if (!feed_->page.next && !feed_->is_reading)
                return state::ended;
            if (feed_->again_at != steady::time_point::max() && steady::now() < feed_->again_at)
                return state::waiting;
            wants_page = !feed_->is_reading;
            feed_->is_reading = true;
            feed_->again_at = steady::time_point::max();
        }
        if (wants_page)
            ask_for_page();
        return state::waiting;
    }

    steady::time_point again_at() const override
    {
        const std::lock_guard lock{feed_->mutex};
        return feed_->again_at;
    }

    // Who takes a list for hours takes it no longer than with a good key.
    bool is_void() override
    {
        const auto now = steady::now();
        if (now < next_check_)
            return false;
        next_check_ = now + check_every_;
        return !key_.is_good(now);
    }

private:
    void ask_for_page()
    {
        const auto later = [feed = feed_](query_pool::fault, const char*) {
            const std::lock_guard lock{feed->mutex};
            feed->is_reading = false;
            feed->again_at = steady::now() + busy_pause;
            feed->wake();
        };
        if (feed_->pool->submit(
                feed_->tenant, [feed = feed_](query_context& with) { read_on(feed, with); }, later))
            return;
        const std::lock_guard lock{feed_->mutex};
        feed_->is_reading = false;
        feed_->again_at = steady::now() + busy_pause;
    }

    const std::shared_ptr<const void> slot_;  // of the key's exports
    const std::shared_ptr<csv_feed> feed_;
    const std::chrono::milliseconds check_every_;
    key_watch key_;
    steady::time_point next_check_ = steady::now() + check_every_;
};
}  // namespace

bool expect_whole(call& c, const projection::parameters& sent)
{
    for (const auto& [name, value] : sent)
        if (name == "cursor" || name == "limit" || name == "offset")
            return c.refuse(bad_query(name, "A list as CSV is whole: it has no pages.")), false;
    return true;
}

void answer_csv_pages(call& c, csv_page first, csv_page_reader read)
{
    auto feed = std::make_shared<csv_feed>();
    feed->read = std::move(read);
    feed->pool = &c.server->queries();
    feed->tenant = c.who->tenant;
    feed->page = std::move(first);
    c.out->content_type = "text/csv; charset=utf-8; header=present";
    c.out->source = std::make_shared<csv_source>(std::move(feed), c.server->streams(), c.key_digest,
                                                 std::exchange(c.export_slot, nullptr));
}

void answer_csv(call& c, query_context& with, const projection::list_shape& shape, projection::parameters sent,
                std::optional<projection::under> parent)
{
    if (!expect_whole(c, sent))
        return;
    list_ask ask{&shape, c.where->answer, {c.who->tenant, std::string{c.in->path}}, std::move(sent), std::move(parent)};
    auto page = read_page(ask, with.models, std::nullopt);
    CF_ASSERT(page.has_value());
    take_position(c, page->as_of);
    csv_page first{schema::csv_header(*ask.record), std::move(page->next_cursor)};
    append_lines(first.lines, *ask.record, page->data);
    answer_csv_pages(c, std::move(first), [ask = std::move(ask)](query_context& later, const std::string& cursor) {
        std::optional<csv_page> made;
        if (auto next = read_page(ask, later.models, cursor))
        {
            made.emplace(csv_page{{}, std::move(next->next_cursor)});
            append_lines(made->lines, *ask.record, next->data);
        }
        return made;
    });
}
}  // namespace http
