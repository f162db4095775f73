// See exchange.hpp. The parser takes content-length and chunked bodies, the two that the server sends.
#include "tools/wire/exchange.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace wire
{
namespace
{
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view a, std::string_view b)
{
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trim(std::string_view text)
{
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
        text.remove_suffix(1);
    return text;
}

// Undoes the chunked coding. Nothing while the last chunk is not there.
std::optional<std::string> unchunk(std::string_view coded)
{
    std::string plain;
    while (true)
    {
        const auto line = coded.find("\r\n");
        if (line == std::string_view::npos)
            return std::nullopt;
        std::size_t size = 0;
        std::from_chars(coded.data(), coded.data() + line, size, 16);
        coded.remove_prefix(line + 2);
        if (size == 0)
            return coded.find("\r\n") == std::string_view::npos ? std::nullopt : std::optional{plain};
        if (coded.size() < size + 2)
            return std::nullopt;
        plain.append(coded.substr(0, size));
        coded.remove_prefix(size + 2);
    }
}
}  // namespace

std::string endpoint::authority() const { return host + ':' + std::to_string(port); }

std::optional<endpoint> endpoint::parse(std::string_view url)
{
    constexpr std::string_view scheme = "http://";
    if (!url.starts_with(scheme))
        return std::nullopt;
    url.remove_prefix(scheme.size());
    while (url.ends_with('/'))
        url.remove_suffix(1);
    const auto colon = url.rfind(':');
    endpoint found;
    found.host = std::string{url.substr(0, colon)};
    found.port = 80;
    if (colon != std::string_view::npos)
    {
        const auto digits = url.substr(colon + 1);
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), found.port);
        if (error != std::errc{} || end != digits.data() + digits.size())
            return std::nullopt;
    }
    if (found.host.empty() || found.host.find('/') != std::string::npos || found.port == 0)
        return std::nullopt;
    return found;
}

std::string_view response::header(std::string_view name) const
{
    std::string_view rest = head;
    while (!rest.empty())
    {
        const auto end = std::min(rest.find('\n'), rest.size() - 1);
        const auto line = rest.substr(0, end + 1);
        rest.remove_prefix(end + 1);
        const auto colon = line.find(':');
        if (colon != std::string_view::npos && same_name(line.substr(0, colon), name))
            return trim(line.substr(colon + 1, line.size() - colon - 2));
    }
    return {};
}

std::string render(const endpoint& to, const request& asked)
{
    std::string bytes;
    bytes.reserve(256 + asked.body.size() + asked.headers.size());
    bytes.append(asked.method).append(" ").append(asked.target).append(" HTTP/1.1\r\nHost: ").append(to.authority());
    if (!asked.key.empty())
        bytes.append("\r\nX-API-Key: ").append(asked.key);
    if (!asked.idempotency_key.empty())
        bytes.append("\r\nIdempotency-Key: ").append(asked.idempotency_key);
    if (!asked.body.empty())
        bytes.append("\r\nContent-Type: ").append(asked.content_type);
    if (!asked.body.empty() || asked.method == "POST" || asked.method == "PATCH")
        bytes.append("\r\nContent-Length: ").append(std::to_string(asked.body.size()));
    bytes.append("\r\n").append(asked.headers).append("\r\n").append(asked.body);
    return bytes;
}

exchange::address exchange::resolve(const endpoint& to)
{
    addrinfo wanted{};
    wanted.ai_family = AF_UNSPEC;
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (::getaddrinfo(to.host.c_str(), std::to_string(to.port).c_str(), &wanted, &found) != 0 || found == nullptr)
        throw no_such_host("no address for host \"" + to.host + "\"");
    const auto* bytes = reinterpret_cast<const unsigned char*>(found->ai_addr);
    address made{{bytes, bytes + found->ai_addrlen}, found->ai_family};
    ::freeaddrinfo(found);
    return made;
}

exchange::exchange(const endpoint& to, int connections, std::chrono::milliseconds answer_deadline)
    : exchange(std::vector<endpoint>{to}, connections, answer_deadline)
{}

exchange::exchange(const std::vector<endpoint>& servers, int connections, std::chrono::milliseconds answer_deadline)
    : links_(static_cast<std::size_t>(connections)), answer_deadline_(answer_deadline)
{
    for (const auto& each : servers)
        addresses_.push_back(resolve(each));
    poll_ = ::epoll_create1(EPOLL_CLOEXEC);
    if (poll_ < 0)
        throw std::runtime_error(std::string{"epoll: "} + std::strerror(errno));
    expired_at_ = std::chrono::steady_clock::now();
}

exchange::~exchange()
{
    for (auto& each : links_)
        shut(each);
    ::close(poll_);
}

void exchange::watch(link& on, int number, bool for_write)
{
    epoll_event wanted{};
    wanted.events = EPOLLIN | (for_write ? EPOLLOUT : 0u);
    wanted.data.u32 = static_cast<std::uint32_t>(number);
    ::epoll_ctl(poll_, EPOLL_CTL_MOD, on.socket, &wanted);
    on.wants_write = for_write;
}

void exchange::open(link& on, int number)
{
    const auto& at = addresses_[static_cast<std::size_t>(number) % addresses_.size()];
    on.socket = ::socket(at.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (on.socket < 0)
        throw std::runtime_error(std::string{"socket: "} + std::strerror(errno));
    const int yes = 1;
    ::setsockopt(on.socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    on.fresh = true;
    on.connecting = true;
    epoll_event wanted{};
    wanted.events = EPOLLIN | EPOLLOUT;
    wanted.data.u32 = static_cast<std::uint32_t>(number);
    ::epoll_ctl(poll_, EPOLL_CTL_ADD, on.socket, &wanted);
    on.wants_write = true;
    const auto* to = reinterpret_cast<const sockaddr*>(at.bytes.data());
    if (::connect(on.socket, to, static_cast<socklen_t>(at.bytes.size())) != 0 && errno != EINPROGRESS)
        failed_.push_back(number);
}

void exchange::shut(link& on)
{
    if (on.socket >= 0)
        ::close(on.socket);
    on.socket = -1;
    on.connecting = on.wants_write = false;
    on.out.clear();
    on.in.clear();
    on.sent = on.searched = on.head_bytes = on.body_bytes = 0;
    on.chunked = on.closes = false;
    on.status = 0;
}

void exchange::send(int number, std::string_view bytes)
{
    auto& on = links_[static_cast<std::size_t>(number)];
    if (on.waiting)
        throw std::logic_error("a connection carries one request at a time");
    on.waiting = true;
    ++in_flight_;
    on.deadline = std::chrono::steady_clock::now() + answer_deadline_;
    const bool opened = on.socket < 0;
    if (opened)
        open(on, number);
    on.out.assign(bytes);
    on.sent = 0;
    if (!opened)
        write(on, number);
}

void exchange::write(link& on, int number)
{
    while (on.sent < on.out.size())
    {
        const auto count = ::send(on.socket, on.out.data() + on.sent, on.out.size() - on.sent, MSG_NOSIGNAL);
        if (count > 0)
        {
            on.sent += static_cast<std::size_t>(count);
            continue;
        }
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        {
            if (!on.wants_write)
                watch(on, number, true);
            return;
        }
        failed_.push_back(number);
        return;
    }
    if (on.wants_write)
        watch(on, number, false);
}

// Reads the head into the link once it is whole. Answers whether the body is whole too.
bool exchange::parse(link& on)
{
    if (on.head_bytes == 0)
    {
        const auto from = on.searched > 3 ? on.searched - 3 : 0;
        const auto end = on.in.find("\r\n\r\n", from);
        on.searched = on.in.size();
        if (end == std::string::npos)
            return false;
        response seen;
        seen.head.assign(on.in, 0, end + 2);
        const auto space = on.in.find(' ');
        std::from_chars(on.in.data() + space + 1, on.in.data() + end, on.status);
        on.head_bytes = end + 4;
        const auto length = seen.header("Content-Length");
        on.body_bytes = 0;
        std::from_chars(length.data(), length.data() + length.size(), on.body_bytes);
        on.chunked = same_name(seen.header("Transfer-Encoding"), "chunked");
        on.closes = same_name(seen.header("Connection"), "close");
    }
    if (on.status >= 100 && on.status < 200)
    {
        on.in.erase(0, on.head_bytes);
        on.head_bytes = on.searched = 0;
        return parse(on);
    }
    if (on.chunked)
        return on.in.ends_with("\r\n") && unchunk(std::string_view{on.in}.substr(on.head_bytes)).has_value();
    return on.in.size() >= on.head_bytes + on.body_bytes;
}

void exchange::finish(link& on, int number, response& got, const done& hand)
{
    on.waiting = false;
    --in_flight_;
    on.in.clear();
    on.searched = on.head_bytes = on.body_bytes = 0;
    on.fresh = false;
    if (on.closes || got.lost())
        shut(on);
    hand(number, got);
}

void exchange::lose(link& on, int number, const done& hand)
{
    shut(on);
    if (!on.waiting)
        return;
    response nothing;
    finish(on, number, nothing, hand);
}

void exchange::read(link& on, int number, const done& hand)
{
    char buffer[32 * 1024];
    const auto count = ::recv(on.socket, buffer, sizeof buffer, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count <= 0 || !on.waiting)
    {
        lose(on, number, hand);
        return;
    }
    on.in.append(buffer, static_cast<std::size_t>(count));
    if (!parse(on))
        return;
    response got;
    got.status = on.status;
    got.head.assign(on.in, 0, on.head_bytes - 2);
    const auto body = std::string_view{on.in}.substr(on.head_bytes);
    got.body = on.chunked ? *unchunk(body) : std::string{body.substr(0, on.body_bytes)};
    finish(on, number, got, hand);
}

void exchange::expire(const done& hand)
{
    const auto now = std::chrono::steady_clock::now();
    if (now - expired_at_ < std::chrono::milliseconds{100})
        return;
    expired_at_ = now;
    for (std::size_t i = 0; i < links_.size(); ++i)
        if (links_[i].waiting && links_[i].deadline < now)
            lose(links_[i], static_cast<int>(i), hand);
}

void exchange::step(std::chrono::milliseconds wait, const done& hand)
{
    epoll_event events[256];
    const int timeout = failed_.empty() ? static_cast<int>(wait.count()) : 0;
    const int count = ::epoll_wait(poll_, events, 256, timeout);
    for (int i = 0; i < count; ++i)
    {
        const auto number = static_cast<int>(events[i].data.u32);
        auto& on = links_[static_cast<std::size_t>(number)];
        if (on.socket < 0)
            continue;
        if ((events[i].events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0 && on.connecting)
        {
            int error = 0;
            socklen_t size = sizeof error;
            ::getsockopt(on.socket, SOL_SOCKET, SO_ERROR, &error, &size);
            on.connecting = false;
            if (error != 0)
            {
                lose(on, number, hand);
                continue;
            }
        }
        if ((events[i].events & EPOLLOUT) != 0)
            write(on, number);
        if ((events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0)
            read(on, number, hand);
    }
    for (const int number : std::exchange(failed_, {}))
        lose(links_[static_cast<std::size_t>(number)], number, hand);
    expire(hand);
}

response call(const endpoint& to, const request& asked, std::chrono::milliseconds deadline)
{
    exchange single{to, 1, deadline};
    response answer;
    bool finished = false;
    single.send(0, render(to, asked));
    while (!finished)
        single.step(std::chrono::milliseconds{100}, [&](int, response& got) {
            answer = std::move(got);
            finished = true;
        });
    return answer;
}
}  // namespace wire
