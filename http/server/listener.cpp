#include "http/server/listener.hpp"

#include "http/server/connection.hpp"
#include "http/server/network.hpp"
#include "http/server/thread_name.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <atomic>
#include <condition_variable>
#include <ctime>
#include <stdexcept>
#include <thread>
#include <unordered_map>

namespace http
{
namespace
{
using tcp = asio::ip::tcp;
using reuse_port = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

constexpr std::chrono::milliseconds tick_interval{100};

std::string date_field_now()
{
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    char text[64];
    const auto length = std::strftime(text, sizeof text, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
    return {text, length};
}

// How many connections there are, in all and per address: the one thing that shards share, touched at accept and close.
class census
{
public:
    explicit census(const listener_config& limits) : limits_(limits) {}

    bool admit(const std::string& address, bool is_proxy)
    {
        const std::lock_guard lock{mutex_};
        if (open_ >= limits_.connections_max)
            return false;
        auto& here = by_address_[address];
        if (here >= limits_.connections_per_address_max && !is_proxy)
            return false;
        ++here;
        ++open_;
        return true;
    }
    void leave(const std::string& address)
    {
        const std::lock_guard lock{mutex_};
        --open_;
        const auto found = by_address_.find(address);
        if (--found->second == 0)
            by_address_.erase(found);
        if (open_ == 0)
            empty_.notify_all();
    }
    bool wait_until_empty(steady_time deadline)
    {
        std::unique_lock lock{mutex_};
        return empty_.wait_until(lock, deadline, [&] { return open_ == 0; });
    }
    std::size_t open() const
    {
        const std::lock_guard lock{mutex_};
        return open_;
    }

private:
    const listener_config& limits_;
    mutable std::mutex mutex_;
    std::condition_variable empty_;
    std::size_t open_ = 0;                                     // guarded by mutex_
    std::unordered_map<std::string, std::size_t> by_address_;  // guarded by mutex_
};

// A place in the census, left when the connection ends.
class admission
{
public:
    admission(std::shared_ptr<census> in, std::string address) : in_(std::move(in)), address_(std::move(address)) {}
    admission(admission&&) = default;
    ~admission()
    {
        if (in_)
            in_->leave(address_);
    }

private:
    std::shared_ptr<census> in_;
    std::string address_;
};

struct shard
{
    shard(int n, const listener_config& with, application& serves, std::shared_ptr<census> of)
        : number(n), limits(with), people(std::move(of))
    {
        state.limits = &limits;
        state.serves = &serves;
        state.box = std::make_shared<mailbox>(io);
        state.date_field = date_field_now();
    }

    const int number;
    const listener_config& limits;
    shard_state state;  // outlives `io`, whose frames own connections
    std::shared_ptr<census> people;
    std::atomic<std::uint64_t> accepted{0};
    std::atomic<std::uint64_t> refused{0};
    std::atomic<std::uint64_t> timed_out{0};
    asio::io_context io{1};
    tcp::acceptor acceptor{io};
    asio::steady_timer ticker{io};
    asio::steady_timer pause{io};
    std::thread thread;
};

// Takes its arguments by value: the frame owns them.
asio::awaitable<void> serve_admitted(std::shared_ptr<connection> who, [[maybe_unused]] admission place)
{
    co_await connection::serve(who);
    who.reset();
}

std::string address_of(const tcp::endpoint& remote)
{
    auto address = remote.address();
    if (address.is_v6() && address.to_v6().is_v4_mapped())
        address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
    return address.to_string();
}

void turn_away(shard& here, tcp::socket& socket, const std::string& address)
{
    exchange unread;
    here.state.serves->on_refused(unread, 503, "busy", "There are too many connections.", address);
    std::string answer;
    append_answer(answer, unread.out, here.state.date_field, true, true);
    boost::system::error_code ignored;
    socket.non_blocking(true, ignored);
    socket.write_some(asio::buffer(answer), ignored);
    socket.shutdown(tcp::socket::shutdown_both, ignored);
}

void welcome(shard& here, tcp::socket socket, const tcp::endpoint& remote)
{
    auto address = address_of(remote);
    auto counted = limited_as(address);
    if (!here.people->admit(counted, lies_in(address, here.limits.trusted_proxies)))
    {
        ++here.refused;
        turn_away(here, socket, address);
        return;
    }
    ++here.accepted;
    admission place{here.people, std::move(counted)};
    auto who = std::make_shared<connection>(std::move(socket), std::move(address), here.state);
    asio::co_spawn(here.io, serve_admitted(std::move(who), std::move(place)), asio::detached);
}

asio::awaitable<void> accept_all(shard& here)
{
    constexpr auto token = asio::as_tuple(asio::use_awaitable);
    while (here.acceptor.is_open())
    {
        tcp::endpoint remote;
        auto [failed, socket] = co_await here.acceptor.async_accept(remote, token);
        if (!failed)
        {
            welcome(here, std::move(socket), remote);
            continue;
        }
        if (failed == asio::error::operation_aborted || !here.acceptor.is_open())
            break;
        here.pause.expires_after(tick_interval);  // out of descriptors, most likely: let some close
        co_await here.pause.async_wait(token);
    }
}

asio::awaitable<void> tick(shard& here)
{
    constexpr auto token = asio::as_tuple(asio::use_awaitable);
    for (;;)
    {
        here.ticker.expires_after(tick_interval);
        const auto [failed] = co_await here.ticker.async_wait(token);
        if (failed)
            break;
        here.state.date_field = date_field_now();
        here.timed_out = here.state.timed_out;
        const auto now = std::chrono::steady_clock::now();
        for (connection* one : here.state.connections)
        {
            if (here.state.draining)
                one->drain();
            one->expire(now);
        }
    }
}

[[noreturn]] void cannot_listen(const listener_config& limits, const boost::system::error_code& why)
{
    const auto where = limits.address + " port " + std::to_string(limits.port);
    if (why == asio::error::address_in_use)
        throw std::runtime_error(where + " is taken by another process; stop it or choose another port");
    throw std::runtime_error("cannot listen on " + where + ": " + why.message());
}

void open(tcp::acceptor& acceptor, const tcp::endpoint& at, bool shared, const listener_config& limits)
{
    boost::system::error_code failed;
    acceptor.open(at.protocol(), failed);
    if (!failed)
        acceptor.set_option(tcp::acceptor::reuse_address{true}, failed);
    if (!failed && shared)
        acceptor.set_option(reuse_port{true}, failed);
    if (!failed)
        acceptor.bind(at, failed);
    if (!failed)
        acceptor.listen(asio::socket_base::max_listen_connections, failed);
    if (failed)
        cannot_listen(limits, failed);
}
}  // namespace

struct listener::implementation
{
    implementation(listener_config with, application& behind) : limits(std::move(with)), serves(behind) {}

    const listener_config limits;
    application& serves;
    std::shared_ptr<census> people = std::make_shared<census>(limits);
    std::vector<std::unique_ptr<shard>> shards;
    std::uint16_t port = 0;

    void run(shard& here)
    {
        name_this_thread(limits.name + "-" + std::to_string(here.number));
        here.io.run();
    }
    template <class Work>
    void on_each_shard(Work work)
    {
        for (const auto& one : shards)
            asio::post(one->io, [work, here = one.get()] { work(*here); });
    }
};

listener::listener(listener_config limits, application& serves)
    : self_(std::make_unique<implementation>(std::move(limits), serves))
{}

listener::~listener() { stop(); }

void listener::start()
{
    const listener_config& limits = self_->limits;
    boost::system::error_code failed;
    const auto address = asio::ip::make_address(limits.address, failed);
    if (failed)
        throw std::runtime_error("cannot listen on " + limits.address + ": it is not an IP address");
    tcp::endpoint at{address, limits.port};
    {
        // With SO_REUSEPORT a second process would bind the same port without an error: ask first without it.
        asio::io_context io;
        tcp::acceptor probe{io};
        open(probe, at, false, limits);
        at.port(probe.local_endpoint().port());
    }
    std::vector<std::unique_ptr<shard>> made;
    for (int i = 0; i < limits.shards; ++i)
    {
        made.push_back(std::make_unique<shard>(i, limits, self_->serves, self_->people));
        open(made.back()->acceptor, at, true, limits);
    }
    self_->port = at.port();
    self_->shards = std::move(made);
    for (const auto& one : self_->shards)
    {
        shard& here = *one;
        asio::co_spawn(here.io, accept_all(here), asio::detached);
        asio::co_spawn(here.io, tick(here), asio::detached);
        here.thread = std::thread{[this, &here] { self_->run(here); }};
    }
}

std::uint16_t listener::port() const { return self_->port; }

bool listener::drain(std::chrono::milliseconds at_most)
{
    const auto deadline = std::chrono::steady_clock::now() + at_most;
    self_->on_each_shard([](shard& here) {
        boost::system::error_code ignored;
        here.acceptor.close(ignored);
        here.state.draining = true;
        for (connection* one : here.state.connections)
            one->drain();
    });
    return self_->people->wait_until_empty(deadline);
}

void listener::stop()
{
    for (const auto& one : self_->shards)
        one->io.stop();
    for (const auto& one : self_->shards)
        if (one->thread.joinable())
            one->thread.join();
    for (const auto& one : self_->shards)
    {
        one->state.box->close();
        for (connection* sleeping : one->state.connections)
            sleeping->abandon();
    }
    self_->shards.clear();
}

listener::figures listener::look() const
{
    figures now;
    for (const auto& one : self_->shards)
    {
        now.accepted += one->accepted;
        now.refused += one->refused;
        now.timed_out += one->timed_out;
    }
    now.open = self_->people->open();
    return now;
}
}  // namespace http
