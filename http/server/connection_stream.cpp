// The second part of connection.hpp: bodies that are made while they are sent.
#include "http/server/connection.hpp"
#include "schemas/assertion.hpp"

#include <algorithm>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace http
{
namespace
{
constexpr std::size_t turn_bytes_max = 256 * 1024;  // of one body, before other connections have their turn
constexpr std::size_t resting_bytes_max = 512;      // that a waiting stream keeps of what it has written
constexpr int unsent_bytes_max = 64 * 1024;         // of one body, that the kernel takes ahead of the client

// Left alone the kernel takes megabytes for a client that reads nothing. What is on its way does not count, so a client
// far off is not slowed down. Source: tcp(7), TCP_NOTSENT_LOWAT. Failing, it is as it was.
void bound_what_is_unsent(asio::ip::tcp::socket& of)
{
    ::setsockopt(of.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes_max, sizeof unsent_bytes_max);
}
}  // namespace

void connection::begin_stream(std::shared_ptr<body_source> source, bool last)
{
    framed_ = reader_.takes_chunks() ? framing::chunks : framing::connection;
    closing_after_ = last || framed_ == framing::connection;
    write_answer(&exchange_.in, exchange_.out, closing_after_, framed_);
    forget_exchange();
    if (in_.size() == 0)
        in_.shrink_to_fit();
    bound_what_is_unsent(socket_);
    source_ = std::move(source);
    stream_ = std::make_shared<parking>(shard_.box);
    leaving_ = told_to_end_ = false;
    turn_bytes_ = 0;
    stage_ = stage::streaming;
    source_->begin(waker{stream_});
}

// `nothing`: look again.
connection::wait connection::go_on_streaming()
{
    if (peer_ended_ && !source_->has_end())
    {
        stage_ = stage::over;
        return wait::nothing;
    }
    if (turn_bytes_ > turn_bytes_max)
    {
        turn_bytes_ = 0;
        return wait::turn;
    }
    stream_->woken = false;
    const auto before = out_.size();
    const auto said = pull();
    turn_bytes_ += out_.size() - before;
    if (said == body_source::state::ended || said == body_source::state::failed)
    {
        end_stream(said == body_source::state::ended);
        return wait::nothing;
    }
    if (said == body_source::state::more || out_.size() > before)
        return wait::nothing;
    turn_bytes_ = 0;
    if (out_.capacity() > resting_bytes_max)
        std::string{}.swap(out_);
    again_at_ = source_->again_at();
    // What a client sends meanwhile is its next request, and is not read beyond one buffer.
    return peer_ended_ || in_.size() >= read_bytes ? wait::sleep : wait::watch;
}

// One piece, in a chunk of its own when there are chunks.
body_source::state connection::pull()
{
    constexpr std::string_view size_field = "0000\r\n";
    const auto room = std::min<std::size_t>(limits_.piece_bytes_max, 0xffff);
    const auto at = out_.size();
    if (framed_ == framing::chunks)
        out_ += size_field;
    const auto from = out_.size();
    auto said = body_source::state::failed;
    try
    {
        said = source_->pull(out_, room);
    }
    catch (const std::exception&)
    {
        out_.resize(from);
    }
    const auto bytes = out_.size() - from;
    CF_ASSERT(bytes <= room);
    if (framed_ == framing::chunks && bytes == 0)
        out_.resize(at);
    else if (framed_ == framing::chunks)
    {
        constexpr std::string_view digits = "0123456789abcdef";
        for (std::size_t i = 0; i < 4; ++i)
            out_[at + i] = digits[bytes >> (4 * (3 - i)) & 0xf];
        out_ += "\r\n";
    }
    count_pending();
    return said;
}

void connection::end_stream(bool is_whole)
{
    if (is_whole && framed_ == framing::chunks)
        out_ += "0\r\n\r\n";
    breaks_off_ = !is_whole && framed_ == framing::connection;
    count_pending();
    source_ = nullptr;
    stream_ = nullptr;
    stage_ = stage::head;
    closing_ = closing_after_ || !is_whole || leaving_ || shard_.draining;
    deadline_ = std::chrono::steady_clock::now() + limits_.idle_time_max;
}

// A client that is too slow for what it gets has a little time for what it has not taken yet and for the source's last
// words. False: there are none, or that time is over.
bool connection::take_leave()
{
    if (leaving_ || !source_->finish(body_source::ending::too_slow))
        return false;
    leaving_ = true;
    leave_by_ = write_deadline_ = std::chrono::steady_clock::now() + limits_.linger_time_max;
    return true;
}

// False: it was cut.
bool connection::look_at_source(steady_time now)
{
    if (source_->is_void() || (leaving_ && now >= leave_by_))
        return cut(), false;
    const bool rests = stream_->watched || stream_->sleeper;
    const bool is_told = shard_.draining && !told_to_end_ && source_->finish(body_source::ending::draining);
    told_to_end_ = told_to_end_ || shard_.draining;
    if (is_told || (rests && now >= again_at_))
        stream_->wake();
    return true;
}
}  // namespace http
