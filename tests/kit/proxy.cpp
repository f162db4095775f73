#include "tests/kit/proxy.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <fcntl.h>
#include <list>
#include <mutex>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <optional>
#include <poll.h>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace kit
{
namespace
{
using steady = std::chrono::steady_clock;

constexpr std::size_t queued_bytes_max = 1 << 20;

[[noreturn]] void fail(const char* what)
{
    throw std::system_error(errno, std::generic_category(), what);
}

class socket_handle
{
public:
    socket_handle() = default;
    explicit socket_handle(int fd) : fd_(fd) {}
    socket_handle(socket_handle&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    socket_handle& operator=(socket_handle&& other) noexcept
    {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~socket_handle() { close(); }

    int get() const { return fd_; }
    bool open() const { return fd_ >= 0; }

    void close()
    {
        if (fd_ >= 0)
            ::close(std::exchange(fd_, -1));
    }

    // Closes with RST: the other side's next read or write fails.
    void reset()
    {
        if (fd_ < 0)
            return;
        const linger now{1, 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close();
    }

private:
    int fd_ = -1;
};

struct chunk
{
    steady::time_point due;
    std::string data;
};

// One direction of one connection.
struct stream
{
    std::deque<chunk> queue;
    std::size_t queued = 0;
    bool source_ended = false;
    bool end_passed_on = false;
    bool is_silent = false;
};

struct connection
{
    socket_handle client;
    socket_handle server;
    std::array<stream, 2> streams;  // by direction
    bool connecting = true;

    socket_handle& source(direction d) { return d == direction::to_server ? client : server; }
    socket_handle& sink(direction d) { return d == direction::to_server ? server : client; }
    stream& in(direction d) { return streams[static_cast<std::size_t>(d)]; }
};

constexpr std::array directions{direction::to_server, direction::to_client};
}  // namespace

class proxy::engine
{
public:
    engine(std::uint16_t target_port, const std::string& target_address)
    {
        target_.sin_family = AF_INET;
        target_.sin_port = htons(target_port);
        if (::inet_pton(AF_INET, target_address.c_str(), &target_.sin_addr) != 1)
            throw std::invalid_argument("not an IPv4 address: " + target_address);

        listener_ = socket_handle(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        sockaddr_in here{};
        here.sin_family = AF_INET;
        here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof here;
        if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&here), size) != 0 ||
            ::listen(listener_.get(), 128) != 0 ||
            ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&here), &size) != 0)
            fail("proxy listener");
        port_ = ntohs(here.sin_port);

        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0)
            fail("proxy pipe");
        wake_reader_ = socket_handle(ends[0]);
        wake_writer_ = socket_handle(ends[1]);
        thread_ = std::thread([this] { serve(); });
    }

    ~engine()
    {
        {
            const std::scoped_lock lock(mutex_);
            stopping_ = true;
        }
        wake();
        thread_.join();
    }

    std::uint16_t port() const { return port_; }

    // Runs `change` with the state locked. The worker never waits while it holds the lock, so the change is immediate.
    template <class Change>
    void apply(Change change)
    {
        {
            const std::scoped_lock lock(mutex_);
            change(*this);
        }
        wake();
    }

    template <class Question>
    auto ask(Question question)
    {
        const std::scoped_lock lock(mutex_);
        return question(*this);
    }

    // --- all below: mutex_ held ---

    void cut_all()
    {
        for (connection& c : connections_)
        {
            c.client.reset();
            c.server.reset();
        }
        connections_.clear();
    }

    void half_open_all()
    {
        for (connection& c : connections_)
            c.client.reset();
    }

    void silence_all(direction d)
    {
        for (connection& c : connections_)
        {
            stream& s = c.in(d);
            s.is_silent = true;
            s.queue.clear();
            s.queued = 0;
        }
    }

    void heal()
    {
        refusing_ = false;
        stalled_ = false;
        delay_ = std::chrono::milliseconds{0};
        budget_ = {};
        ended_.clear();
        std::erase_if(connections_, [](const connection& c) { return !c.client.open(); });
    }

    bool refusing_ = false;
    bool stalled_ = false;
    std::chrono::milliseconds delay_{0};
    std::array<std::optional<std::size_t>, 2> budget_;  // bytes that may still pass before the cut
    std::array<std::uint64_t, 2> bytes_{};
    std::list<connection> connections_;
    std::size_t accepted_ = 0;

private:
    bool cut_due_ = false;
    std::vector<socket_handle> ended_;

    void wake()
    {
        const char byte = 0;
        [[maybe_unused]] const ssize_t ignored = ::write(wake_writer_.get(), &byte, 1);
    }

    void serve()
    {
        std::vector<pollfd> polled;
        std::unique_lock lock(mutex_);
        while (!stopping_)
        {
            const int timeout_ms = prepare(polled);
            lock.unlock();
            ::poll(polled.data(), polled.size(), timeout_ms);
            lock.lock();
            drain_wakeups();
            accept_new();
            // Which sockets are ready is asked of the sockets themselves: a change may have closed some meanwhile.
            for (auto c = connections_.begin(); c != connections_.end() && !cut_due_;)
                c = carry(*c) ? std::next(c) : connections_.erase(c);
            if (std::exchange(cut_due_, false))
                cut_all();
        }
    }

    int prepare(std::vector<pollfd>& polled)
    {
        polled.clear();
        polled.push_back({wake_reader_.get(), POLLIN, 0});
        polled.push_back({listener_.get(), POLLIN, 0});
        int timeout_ms = -1;
        for (connection& c : connections_)
        {
            if (stalled_ || !c.client.open())
                continue;
            for (const direction d : directions)
            {
                stream& s = c.in(d);
                if (!s.source_ended && s.queued < queued_bytes_max && !(c.connecting && d == direction::to_client))
                    polled.push_back({c.source(d).get(), POLLIN, 0});
                if (s.queue.empty())
                    continue;
                const auto wait = s.queue.front().due - steady::now();
                if (wait > steady::duration::zero())
                {
                    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
                    timeout_ms = timeout_ms < 0 ? static_cast<int>(ms) : std::min(timeout_ms, static_cast<int>(ms));
                }
                else
                    polled.push_back({c.sink(d).get(), POLLOUT, 0});
            }
            if (c.connecting)
                polled.push_back({c.server.get(), POLLOUT, 0});
        }
        return timeout_ms;
    }

    void drain_wakeups()
    {
        std::array<char, 64> buffer;
        while (::read(wake_reader_.get(), buffer.data(), buffer.size()) > 0)
            ;
    }

    void accept_new()
    {
        for (;;)
        {
            socket_handle client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
            if (!client.open())
                return;
            ++accepted_;
            if (refusing_)
            {
                client.reset();
                continue;
            }
            socket_handle server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
            if (::connect(server.get(), reinterpret_cast<const sockaddr*>(&target_), sizeof target_) != 0 &&
                errno != EINPROGRESS)
            {
                client.reset();
                continue;
            }
            const int on = 1;
            ::setsockopt(client.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            ::setsockopt(server.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            connection& c = connections_.emplace_back();
            c.client = std::move(client);
            c.server = std::move(server);
        }
    }

    // Moves what can be moved; false when the connection is over.
    bool carry(connection& c)
    {
        if (stalled_ || !c.client.open())
            return true;
        if (c.connecting)
        {
            pollfd server{c.server.get(), POLLOUT, 0};
            if (::poll(&server, 1, 0) == 0)
                return true;
            int problem = 0;
            socklen_t size = sizeof problem;
            ::getsockopt(c.server.get(), SOL_SOCKET, SO_ERROR, &problem, &size);
            if (problem != 0)
            {
                c.client.reset();
                return false;
            }
            c.connecting = false;
        }
        for (const direction d : directions)
        {
            if (!take(c, d) || !give(c, d))
            {
                c.client.reset();
                c.server.reset();
                return false;
            }
            if (cut_due_)
                return true;
        }
        return !(c.in(direction::to_server).end_passed_on && c.in(direction::to_client).end_passed_on);
    }

    bool take(connection& c, direction d)
    {
        stream& s = c.in(d);
        std::array<char, 16'384> buffer;
        while (!s.source_ended && s.queued < queued_bytes_max)
        {
            const ssize_t got = ::recv(c.source(d).get(), buffer.data(), buffer.size(), 0);
            if (got > 0 && s.is_silent)
                continue;
            if (got > 0)
            {
                s.queue.push_back({steady::now() + delay_, std::string(buffer.data(), static_cast<std::size_t>(got))});
                s.queued += static_cast<std::size_t>(got);
            }
            else if (got == 0)
                s.source_ended = true;
            else
                return errno == EAGAIN || errno == EINTR;
        }
        return true;
    }

    bool give(connection& c, direction d)
    {
        stream& s = c.in(d);
        auto& budget = budget_[static_cast<std::size_t>(d)];
        while (!s.queue.empty() && s.queue.front().due <= steady::now())
        {
            std::string& data = s.queue.front().data;
            const std::size_t allowed = budget ? std::min(*budget, data.size()) : data.size();
            if (allowed > 0)
            {
                const ssize_t sent = ::send(c.sink(d).get(), data.data(), allowed, MSG_NOSIGNAL);
                if (sent < 0)
                    return errno == EAGAIN || errno == EINTR;
                const auto passed = static_cast<std::size_t>(sent);
                data.erase(0, passed);
                s.queued -= passed;
                bytes_[static_cast<std::size_t>(d)] += passed;
                if (budget)
                    *budget -= passed;
            }
            if (budget && *budget == 0)
            {
                budget.reset();
                // An orderly end after the last byte. The socket stays: closed, it would answer what still arrives
                // with a reset, and the reset would take unread bytes along.
                ::shutdown(c.sink(d).get(), SHUT_WR);
                ended_.push_back(std::move(c.sink(d)));
                cut_due_ = true;
                return true;
            }
            if (data.empty())
                s.queue.pop_front();
        }
        if (s.source_ended && s.queue.empty() && !s.end_passed_on)
        {
            ::shutdown(c.sink(d).get(), SHUT_WR);
            s.end_passed_on = true;
        }
        return true;
    }

    // Fixed after construction.
    sockaddr_in target_{};
    std::uint16_t port_ = 0;
    socket_handle listener_;
    socket_handle wake_reader_;
    socket_handle wake_writer_;

    std::mutex mutex_;
    bool stopping_ = false;
    std::thread thread_;
};

proxy::proxy(std::uint16_t target_port, const std::string& target_address)
    : engine_(std::make_unique<engine>(target_port, target_address))
{
}

proxy::~proxy() = default;

std::uint16_t proxy::port() const
{
    return engine_->port();
}

void proxy::cut()
{
    engine_->apply([](engine& e) { e.cut_all(); });
}

void proxy::cut_after_bytes(direction d, std::size_t bytes)
{
    engine_->apply([&](engine& e) { e.budget_[static_cast<std::size_t>(d)] = bytes; });
}

void proxy::refuse()
{
    engine_->apply([](engine& e) { e.refusing_ = true; });
}

void proxy::half_open()
{
    engine_->apply([](engine& e) { e.half_open_all(); });
}

void proxy::stall()
{
    engine_->apply([](engine& e) { e.stalled_ = true; });
}

void proxy::silence(direction d)
{
    engine_->apply([&](engine& e) { e.silence_all(d); });
}

void proxy::delay(std::chrono::milliseconds by)
{
    engine_->apply([&](engine& e) { e.delay_ = by; });
}

void proxy::heal()
{
    engine_->apply([](engine& e) { e.heal(); });
}

std::size_t proxy::connections() const
{
    return engine_->ask([](engine& e) { return e.connections_.size(); });
}

std::size_t proxy::accepted() const
{
    return engine_->ask([](engine& e) { return e.accepted_; });
}

std::uint64_t proxy::bytes(direction d) const
{
    return engine_->ask([&](engine& e) { return e.bytes_[static_cast<std::size_t>(d)]; });
}
}  // namespace kit
