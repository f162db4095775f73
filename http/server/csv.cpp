#include "http/server/csv.hpp"

#include "http/server/query_route.hpp"
#include "schemas/assertion.hpp"
#include "schemas/csv.hpp"
#include "schemas/json.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
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

// What is asked, owned: it outlives the request.
struct csv_ask
{
    const projection::list_shape* shape = nullptr;
    const schema::record_type* record = nullptr;
    projection::list_place place;
    projection::parameters sent;
    std::optional<projection::under> parent;
};

// One page as lines. Nothing: the cursor is none of this list (never of one that was just made).
std::optional<projection::page> read_page(const csv_ask& ask, projection::reader& models,
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
    csv_ask ask;
    query_pool* pool = nullptr;

    std::mutex mutex;
    std::string lines;                  // guarded by mutex, as all below
    std::size_t taken = 0;              // of them
    std::optional<std::string> cursor;  // where to go on; nothing: that was all
    bool is_reading = false;
    bool has_failed = false;
    bool is_over = false;  // nobody takes any more
    waker wake;
    steady::time_point again_at = steady::time_point::max();
};

// On a query thread.
void read_on(const std::shared_ptr<csv_feed>& feed, query_context& with)
{
    std::optional<std::string> cursor;
    {
        const std::lock_guard lock{feed->mutex};
        if (feed->is_over)
            return;
        cursor = feed->cursor;
    }
    std::string lines;
    std::optional<projection::page> page;
    try
    {
        page = read_page(feed->ask, with.models, cursor);
        if (page)
            append_lines(lines, *feed->ask.record, page->data);
    }
    catch (const std::exception&)
    {
        page.reset();  // the client sees that the answer has no end
    }
    const std::lock_guard lock{feed->mutex};
    feed->is_reading = false;
    feed->has_failed = !page;
    feed->lines = std::move(lines);
    feed->taken = 0;
    feed->cursor = page ? page->next_cursor : std::nullopt;
    feed->wake();
}

class csv_source final : public body_source
{
public:
    explicit csv_source(std::shared_ptr<csv_feed> feed) : feed_(std::move(feed)) {}
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
            const auto bytes = std::min(room, feed_->lines.size() - feed_->taken);
            out.append(feed_->lines, feed_->taken, bytes);
            feed_->taken += bytes;
            if (feed_->taken < feed_->lines.size())
                return state::more;
            if (!feed_->cursor && !feed_->is_reading)
                return state::ended;
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

private:
    void ask_for_page()
    {
        const auto failed = [feed = feed_](const char*) {
            const std::lock_guard lock{feed->mutex};
            feed->is_reading = false;
            feed->has_failed = true;
            feed->wake();
        };
        if (feed_->pool->submit([feed = feed_](query_context& with) { read_on(feed, with); }, failed))
            return;
        const std::lock_guard lock{feed_->mutex};
        feed_->is_reading = false;
        feed_->again_at = steady::now() + busy_pause;
    }

    const std::shared_ptr<csv_feed> feed_;
};
}  // namespace

void answer_csv(call& c, query_context& with, const projection::list_shape& shape, projection::parameters sent,
                std::optional<projection::under> parent)
{
    for (const auto& [name, value] : sent)
        if (name == "cursor" || name == "limit" || name == "offset")
            return c.refuse(bad_query(name, "A list as CSV is whole: it has no pages."));
    auto feed = std::make_shared<csv_feed>();
    feed->ask = {&shape, c.where->answer, {c.who->tenant, std::string{c.in->path}}, std::move(sent), std::move(parent)};
    auto first = read_page(feed->ask, with.models, std::nullopt);
    CF_ASSERT(first.has_value());
    take_position(c, first->as_of);
    feed->pool = &c.server->queries();
    feed->lines = schema::csv_header(*c.where->answer);
    append_lines(feed->lines, *c.where->answer, first->data);
    feed->cursor = std::move(first->next_cursor);
    c.out->content_type = "text/csv; charset=utf-8; header=present";
    c.out->source = std::make_shared<csv_source>(std::move(feed));
}
}  // namespace http
