#include "http/server/connection.hpp"

#include "schemas/assertion.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cstring>

namespace http
{
namespace
{
template <class Handler>
struct sleeping_in final : sleeping
{
    explicit sleeping_in(Handler in) : handler(std::move(in)) {}
    void resume() override { std::move(handler)(); }
    Handler handler;
};

// Its memory too, which an assignment would keep.
void let_go(std::string& text)
{
    if (text.capacity() > read_bytes)
        std::string{}.swap(text);
    else
        text.clear();
}

double seconds_since(steady_time from)
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - from).count();
}
}  // namespace

// -- Waking

void mailbox::put(std::shared_ptr<parking> who)
{
    const std::lock_guard lock{mutex_};
    if (!shard_)
        return;
    arrived_.push_back(std::move(who));
    if (arrived_.size() == 1)
        asio::post(*shard_, [self = shared_from_this()] { self->drain(); });
}

void mailbox::close()
{
    std::vector<std::shared_ptr<parking>> dropped;
    const std::lock_guard lock{mutex_};
    shard_ = nullptr;
    dropped.swap(arrived_);
}

void mailbox::drain()
{
    {
        const std::lock_guard lock{mutex_};
        waking_.swap(arrived_);
    }
    for (const auto& one : waking_)
        one->wake_here();
    waking_.clear();
}

void parking::wake()
{
    if (!posted_.exchange(true))
        box_->put(shared_from_this());
}

void parking::wake_here()
{
    posted_ = false;
    woken = true;
    boost::system::error_code ignored;
    if (watched)
        watched->cancel(ignored);
    else if (const auto resting = std::move(sleeper))
        resting->resume();
}

// -- The coroutine: it only waits

connection::connection(asio::ip::tcp::socket socket, std::string peer, shard_state& shard)
    : shard_(shard)
    , limits_(*shard.limits)
    , peer_(std::move(peer))
    , parking_(std::make_shared<parking>(shard.box))
    , place_(shard.connections.insert(shard.connections.end(), this))
    , socket_(std::move(socket))
    , reader_(limits_)
{
    boost::system::error_code ignored;
    socket_.set_option(asio::ip::tcp::no_delay{true}, ignored);
    socket_.non_blocking(true, ignored);
    exchange_.wake = waker{parking_};
    deadline_ = std::chrono::steady_clock::now() + limits_.idle_time_max;
}

connection::~connection()
{
    if (stream_)
        stream_->watched = nullptr;
    shard_.connections.erase(place_);
    shard_.answer_bytes -= counted_;
}

asio::awaitable<void> connection::serve(std::shared_ptr<connection> self)
{
    constexpr auto token = asio::as_tuple(asio::use_awaitable);
    for (;;)
    {
        const wait what = self->advance();
        if (what == wait::nothing)
            break;
        if (what == wait::read)
        {
            self->waiting_ = true;
            const auto [failed, bytes] = co_await self->socket_.async_read_some(self->in_.prepare(read_bytes), token);
            self->waiting_ = false;
            self->in_.commit(bytes);
            self->peer_ended_ = failed && !self->timed_out_;
        }
        else if (what == wait::write)
        {
            self->waiting_ = self->writing_ = true;
            const auto rest =
                asio::buffer(self->out_.data() + self->out_written_, self->out_.size() - self->out_written_);
            const auto [failed, bytes] = co_await self->socket_.async_write_some(rest, token);
            self->waiting_ = self->writing_ = false;
            self->out_written_ += bytes;
            if (failed && !self->timed_out_)
                self->lose_peer();
        }
        else if (what == wait::watch)
        {
            const auto watching = self->stream_;
            watching->watched = &self->socket_;
            const auto [failed] = co_await self->socket_.async_wait(asio::ip::tcp::socket::wait_read, token);
            watching->watched = nullptr;
            if (!failed)
                self->look_for_end();
        }
        else if (what == wait::turn)
        {
            co_await asio::post(self->socket_.get_executor(), asio::use_awaitable);
        }
        else
        {
            const auto sleep = [&self](auto handler) {
                auto& place = self->stream_ ? *self->stream_ : *self->parking_;
                place.sleeper = std::make_unique<sleeping_in<decltype(handler)>>(std::move(handler));
            };
            co_await asio::async_initiate<decltype(asio::use_awaitable), void()>(sleep, asio::use_awaitable);
        }
    }
    boost::system::error_code ignored;
    self->socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
    self->socket_.close(ignored);
}

// -- The machine

connection::wait connection::advance()
{
    for (;;)
    {
        if (timed_out_)
            time_ran_out();
        if (stage_ == stage::over)
            return wait::nothing;
        if (out_written_ == out_.size())
            forget_written();
        const bool answer_due = closing_ || out_.size() >= limits_.answers_gathered_max || stage_ == stage::handling ||
                                stage_ == stage::streaming;
        if (out_.size() > out_written_ && answer_due && !flush_now())
            return wait::write;
        if (stage_ == stage::over)
            return wait::nothing;
        switch (stage_)
        {
        case stage::handling:
            if (!std::exchange(parking_->woken, false))
                return wait::sleep;
            try
            {
                // Out of its place first: a continuation may put the next one there, and must outlive that.
                const auto resume = std::exchange(exchange_.then, nullptr);
                handle(resume(exchange_));
            }
            catch (const std::exception& thrown)
            {
                shard_.serves->on_exception(exchange_, thrown.what());
                handle(next::settled);
            }
            continue;
        case stage::streaming:
            if (const wait what = go_on_streaming(); what != wait::nothing)
                return what;
            continue;
        case stage::head:
            if (breaks_off_)
            {
                // Without chunks the end of the connection is the end of the answer: only a reset says it is not whole.
                boost::system::error_code ignored;
                socket_.set_option(asio::socket_base::linger{true, 0}, ignored);
                cut();
                continue;
            }
            if (closing_)
            {
                boost::system::error_code ignored;
                socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
                deadline_ = std::chrono::steady_clock::now() + limits_.linger_time_max;
                stage_ = stage::lingering;
                continue;
            }
            if (read_request_head())
                continue;
            break;
        case stage::body:
            if (read_request_body())
                continue;
            break;
        case stage::lingering:
            lingered_ += unread().size();
            use(unread().size());
            if (peer_ended_ || lingered_ > limits_.linger_bytes_max)
                stage_ = stage::over;
            else
                return wait::read;
            continue;
        case stage::over:
            return wait::nothing;
        }
        // More bytes are needed: what has been answered goes out first.
        if (peer_ended_)
        {
            if (out_.size() > out_written_ && !flush_now())
                return wait::write;
            stage_ = stage::over;
            return wait::nothing;
        }
        if (out_.size() > out_written_ && !flush_now())
            return wait::write;
        return wait::read;
    }
}

void connection::use(std::size_t bytes)
{
    in_.consume(bytes);
    if (in_.size() == 0 && in_.capacity() > 4 * read_bytes)
        in_.shrink_to_fit();
}

bool connection::read_request_head()
{
    if (!head_begun_ && !unread().empty())
    {
        head_begun_ = true;
        head_began_ = std::chrono::steady_clock::now();
        deadline_ = head_began_ + limits_.header_time_max;
    }
    std::size_t consumed = 0;
    const auto step = reader_.head(unread(), consumed, exchange_.in);
    use(consumed);
    if (step == wire_reader::step::need_more)
        return false;
    handled_from_ = std::chrono::steady_clock::now();
    head_begun_ = false;
    if (step == wire_reader::step::failed)
    {
        refuse(reader_.failure().status, reader_.failure().code, reader_.failure().detail);
        return true;
    }
    if (shard_.answer_bytes > limits_.answers_pending_max)
    {
        refuse(503, "busy", {});
        return true;
    }
    exchange_.in.peer = peer_;
    exchange_.out = reply{};
    exchange_.body_bytes_max = limits_.body_bytes_max;
    discarding_ = false;
    stage_ = stage::body;
    body_began_ = handled_from_;
    deadline_ = deadline_of_body();
    try
    {
        handle(shard_.serves->on_head(exchange_));
    }
    catch (const std::exception& thrown)
    {
        shard_.serves->on_exception(exchange_, thrown.what());
        handle(next::settled);
    }
    return true;
}

// After the head `proceed` means: read the body. The same value after a parked look at the head means the same.
void connection::handle(next said)
{
    if (said == next::parked)
    {
        stage_ = stage::handling;
        return;
    }
    const bool body_is_read = body_began_ == steady_time{};
    if (!body_is_read && stage_ == stage::handling)
        body_began_ = std::chrono::steady_clock::now();
    if (said == next::settled && (body_is_read || broken_))
    {
        settle();
        return;
    }
    if (broken_)
    {
        stage_ = stage::over;
        return;
    }
    stage_ = stage::body;
    discarding_ = said == next::settled;
    if (!exchange_.in.has_body || !reader_.expects_continue())
        return;
    if (discarding_)  // the client has not sent its body yet, and never needs to
        exchange_.out.close = true;
    else
        out_ += "HTTP/1.1 100 Continue\r\n\r\n";
}

bool connection::read_request_body()
{
    const bool never_sent = discarding_ && exchange_.out.close && reader_.expects_continue();
    std::size_t consumed = 0;
    auto step = wire_reader::step::done;
    if (!never_sent)
        step = reader_.body(unread(), consumed, exchange_.in, exchange_.body_bytes_max, !discarding_);
    use(consumed);
    if (step == wire_reader::step::need_more)
    {
        deadline_ = deadline_of_body();
        return false;
    }
    body_began_ = steady_time{};
    if (step == wire_reader::step::failed)
    {
        if (discarding_)
        {
            exchange_.out.close = true;
            settle();
        }
        else
            refuse(reader_.failure().status, reader_.failure().code, reader_.failure().detail);
        return true;
    }
    if (discarding_)
    {
        settle();
        return true;
    }
    try
    {
        handle(shard_.serves->on_body(exchange_));
    }
    catch (const std::exception& thrown)
    {
        shard_.serves->on_exception(exchange_, thrown.what());
        handle(next::settled);
    }
    return true;
}

void connection::settle()
{
    ++served_;
    const bool last = exchange_.out.close || !reader_.keep_alive() || shard_.draining ||
                      served_ >= limits_.requests_per_connection_max;
    shard_.serves->on_answer(exchange_, seconds_since(handled_from_));
    const auto source = std::exchange(exchange_.out.source, nullptr);
    if (source && exchange_.in.method != verb::head && !broken_)
        return begin_stream(source, last);
    write_answer(&exchange_.in, exchange_.out, last, source ? framing::connection : framing::length);
    forget_exchange();
    stage_ = broken_ ? stage::over : stage::head;
    closing_ = last;
    deadline_ = std::chrono::steady_clock::now() + limits_.idle_time_max;
}

// The socket has something: the client's end, or bytes of its next request.
void connection::look_for_end()
{
    char bytes[1024];
    boost::system::error_code failed;
    const auto count = socket_.read_some(asio::buffer(bytes), failed);
    if (failed && failed != asio::error::would_block && failed != asio::error::try_again)
        peer_ended_ = true;
    else if (count > 0)
    {
        const auto room = in_.prepare(count);
        std::memcpy(room.data(), bytes, count);
        in_.commit(count);
    }
}

// The bytes that follow cannot be trusted: the answer is the last one.
void connection::refuse(int status, std::string_view code, std::string_view detail)
{
    const bool head_was_read = stage_ == stage::body;
    if (!head_was_read)
    {
        exchange_.out = reply{};
        exchange_.context.reset();
    }
    shard_.serves->on_refused(exchange_, status, code, detail, peer_);
    write_answer(head_was_read ? &exchange_.in : nullptr, exchange_.out, true);
    forget_exchange();
    stage_ = stage::head;
    closing_ = true;
}

// An idle connection keeps neither its last answer nor its last request.
void connection::forget_exchange()
{
    let_go(exchange_.out.body);
    let_go(exchange_.in.body);
    exchange_.out.source = nullptr;
    exchange_.then = nullptr;
    exchange_.on_due = nullptr;
    exchange_.context.reset();
}

void connection::write_answer(const request* asked, const reply& answer, bool last, framing how)
{
    append_answer(out_, answer, shard_.date_field, !(asked && asked->method == verb::head), last, how);
    count_pending();
}

void connection::count_pending()
{
    shard_.answer_bytes += out_.size() - counted_;
    counted_ = out_.size();
}

// Writes what the socket takes at once: nearly always everything, without a turn through the reactor.
bool connection::flush_now()
{
    boost::system::error_code failed;
    const auto rest = asio::buffer(out_.data() + out_written_, out_.size() - out_written_);
    if (rest.size() > 0)
        out_written_ += socket_.write_some(rest, failed);
    if (failed && failed != asio::error::would_block && failed != asio::error::try_again)
    {
        lose_peer();
        return true;
    }
    if (out_written_ < out_.size())
    {
        if (!failed)
            return flush_now();
        if (write_deadline_ == steady_time{})
            write_deadline_ = std::chrono::steady_clock::now() + limits_.write_time_max +
                              std::chrono::milliseconds{out_.size() * 1'000 / limits_.write_rate_min};
        return false;
    }
    forget_written();
    return true;
}

void connection::forget_written()
{
    out_.clear();
    out_written_ = 0;
    count_pending();
    if (std::exchange(write_deadline_, steady_time{}) != steady_time{} && stage_ == stage::head)
    {
        // The client's time begins when it has its answers.
        head_began_ = std::chrono::steady_clock::now();
        deadline_ = head_began_ + (head_begun_ ? limits_.header_time_max : limits_.idle_time_max);
    }
    if (out_.capacity() > 2 * limits_.answers_gathered_max)
        out_.shrink_to_fit();
}

steady_time connection::deadline_of_body() const
{
    const auto earned = std::chrono::milliseconds{reader_.body_bytes() * 1'000 / limits_.body_rate_min};
    return body_began_ + limits_.body_time_grace + earned;
}

// -- Deadlines and the end

void connection::expire(steady_time now)
{
    if (stage_ == stage::handling && exchange_.on_due && now >= exchange_.due)
        std::exchange(exchange_.on_due, nullptr)();
    if (stage_ == stage::streaming && !look_at_source(now))
        return;
    if (!waiting_ || timed_out_ || now < (writing_ ? write_deadline_ : deadline_))
        return;
    timed_out_ = true;
    boost::system::error_code ignored;
    socket_.cancel(ignored);
}

void connection::time_ran_out()
{
    timed_out_ = false;
    ++shard_.timed_out;
    if (stage_ == stage::body && discarding_ && out_.size() == out_written_)
    {
        exchange_.out.close = true;  // the answer is known, whatever was still to come
        settle();
        return;
    }
    const bool half_a_request = (stage_ == stage::head && head_begun_ && !closing_) || stage_ == stage::body;
    if (half_a_request && out_.size() == out_written_)
        refuse(408, "request_timeout", "The request did not arrive in time.");
    else if (stage_ != stage::streaming || !take_leave())
        lose_peer();
}

// While an exchange is parked, other threads write into it: the connection must not end before they are done.
void connection::lose_peer()
{
    forget_written();
    if (stage_ == stage::handling)
        broken_ = true;
    else
        stage_ = stage::over;
}

void connection::drain()
{
    const bool idle = stage_ == stage::head && !head_begun_ && out_.size() == out_written_;
    if (idle && waiting_ && served_ > 0)
        cut();
    else if (idle && waiting_)
        deadline_ = std::min(deadline_, std::chrono::steady_clock::now() + std::chrono::milliseconds{500});
}

void connection::cut()
{
    boost::system::error_code ignored;
    stage_ = stage::over;
    socket_.close(ignored);
}

void connection::abandon()
{
    const auto kept = stream_ ? stream_ : parking_;
    kept->sleeper = nullptr;
}
}  // namespace http
