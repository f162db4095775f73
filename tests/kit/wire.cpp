#include "tests/kit/wire.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace kit
{
namespace
{
bool same_name(std::string_view a, std::string_view b)
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
        return std::tolower(x) == std::tolower(y);
    });
}

std::string trimmed(std::string_view text)
{
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos)
        return "";
    return std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

std::size_t number(std::string_view text, int base)
{
    std::size_t value = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (problem != std::errc{} || end != text.data() + text.size())
        throw wire_error("not a length: '" + std::string(text) + "'");
    return value;
}

sockaddr_in end_point(const std::string& address, std::uint16_t port)
{
    sockaddr_in made{};
    made.sin_family = AF_INET;
    made.sin_port = htons(port);
    if (::inet_pton(AF_INET, address.c_str(), &made.sin_addr) != 1)
        throw wire_error("not an IPv4 address: " + address);
    return made;
}

std::string reason_of(int error)
{
    return std::strerror(error);
}
}  // namespace

std::optional<std::string> reply::header(std::string_view name) const
{
    for (const auto& [given, value] : headers)
        if (same_name(given, name))
            return value;
    return std::nullopt;
}

wire::wire(std::uint16_t port, const std::string& address, milliseconds deadline, const std::string& from)
    : authority_(address + ":" + std::to_string(port)), deadline_(deadline)
{
    const sockaddr_in there = end_point(address, port);
    const sockaddr_in here = end_point(from.empty() ? "0.0.0.0" : from, 0);
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if ((!from.empty() && ::bind(socket_, reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0) ||
        ::connect(socket_, reinterpret_cast<const sockaddr*>(&there), sizeof there) != 0)
    {
        const int problem = errno;
        ::close(socket_);
        throw wire_error("connect to " + authority_ + ": " + reason_of(problem));
    }
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

wire::~wire()
{
    if (socket_ >= 0)
        ::close(socket_);
}

wire::wire(wire&& other) noexcept
    : socket_(std::exchange(other.socket_, -1))
    , authority_(std::move(other.authority_))
    , deadline_(other.deadline_)
    , received_(std::move(other.received_))
{
}

wire& wire::operator=(wire&& other) noexcept
{
    std::swap(socket_, other.socket_);
    std::swap(authority_, other.authority_);
    std::swap(deadline_, other.deadline_);
    std::swap(received_, other.received_);
    return *this;
}

void wire::send(std::string_view bytes)
{
    while (!bytes.empty())
    {
        pollfd ready{socket_, POLLOUT, 0};
        if (::poll(&ready, 1, static_cast<int>(deadline_.count())) == 0)
            throw wire_error("the server does not read");
        const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            throw wire_error("send: " + reason_of(errno));
        if (sent > 0)
            bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
}

void wire::request(std::string_view method, std::string_view target, const header_list& headers, std::string_view body)
{
    std::string text;
    text.append(method).append(" ").append(target).append(" HTTP/1.1\r\n");
    const auto given = [&](std::string_view name) {
        return std::any_of(headers.begin(), headers.end(), [&](const auto& h) { return same_name(h.first, name); });
    };
    if (!given("Host"))
        text.append("Host: ").append(authority_).append("\r\n");
    for (const auto& [name, value] : headers)
        text.append(name).append(": ").append(value).append("\r\n");
    const bool usually_has_body = method == "POST" || method == "PUT" || method == "PATCH";
    if ((!body.empty() || usually_has_body) && !given("Content-Length") && !given("Transfer-Encoding"))
        text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
    text.append("\r\n").append(body);
    send(text);
}

void wire::end_sending()
{
    ::shutdown(socket_, SHUT_WR);
}

void wire::reset()
{
    const linger at_once{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    ::close(std::exchange(socket_, -1));
}

reply wire::read(bool to_head)
{
    reply answer = read_head();
    const bool without_body = to_head || answer.status < 200 || answer.status == 204 || answer.status == 304;
    if (without_body)
        return answer;
    const auto encoding = answer.header("Transfer-Encoding");
    if (encoding && same_name(*encoding, "chunked"))
    {
        for (;;)
        {
            const std::string line = take_line();
            const std::size_t size = number(trimmed(line.substr(0, line.find(';'))), 16);
            if (size == 0)
                break;
            answer.body += take(size);
            if (!take_line().empty())
                throw wire_error("a chunk is longer than it says");
        }
        while (!take_line().empty())
            continue;  // trailers
    }
    else if (const auto length = answer.header("Content-Length"))
        answer.body = take(number(*length, 10));
    else
        answer.body = read_to_end();
    return answer;
}

reply wire::exchange(std::string_view method, std::string_view target, const header_list& headers,
                     std::string_view body)
{
    request(method, target, headers, body);
    return read(method == "HEAD");
}

reply wire::read_head()
{
    reply answer;
    const std::string line = take_line();
    if (line.size() < 12 || !line.starts_with("HTTP/1.") || line[8] != ' ')
        throw wire_error("not a status line: '" + line + "'");
    answer.status = static_cast<int>(number(std::string_view(line).substr(9, 3), 10));
    answer.reason = line.size() > 13 ? line.substr(13) : "";
    for (std::string header = take_line(); !header.empty(); header = take_line())
    {
        const auto colon = header.find(':');
        if (colon == std::string::npos)
            throw wire_error("not a header: '" + header + "'");
        answer.headers.emplace_back(header.substr(0, colon), trimmed(std::string_view(header).substr(colon + 1)));
    }
    return answer;
}

std::string wire::read_until(std::string_view mark)
{
    for (;;)
    {
        const auto at = received_.find(mark);
        if (at != std::string::npos)
            return take(at + mark.size());
        if (!fill())
            throw wire_error("the connection ended before '" + std::string(mark) + "'");
    }
}

std::string wire::read_to_end()
{
    while (fill())
        continue;
    return std::exchange(received_, {});
}

bool wire::ended()
{
    if (!received_.empty())
        return false;
    try
    {
        return !fill();
    }
    catch (const wire_error&)
    {
        char byte = 0;
        return ::recv(socket_, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0 || (errno != EAGAIN && errno != EINTR);
    }
}

bool wire::fill()
{
    std::array<char, 16'384> buffer;
    for (;;)
    {
        pollfd ready{socket_, POLLIN, 0};
        const int count = ::poll(&ready, 1, static_cast<int>(deadline_.count()));
        if (count == 0)
            throw wire_error("nothing came within " + std::to_string(deadline_.count()) + " ms; so far: '" +
                             received_.substr(0, 200) + "'");
        const ssize_t got = ::recv(socket_, buffer.data(), buffer.size(), 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            throw wire_error("receive: " + reason_of(errno));
        received_.append(buffer.data(), static_cast<std::size_t>(got));
        return got > 0;
    }
}

std::string wire::take(std::size_t bytes)
{
    while (received_.size() < bytes)
        if (!fill())
            throw wire_error("the connection ended " + std::to_string(bytes - received_.size()) + " bytes too early");
    std::string taken = received_.substr(0, bytes);
    received_.erase(0, bytes);
    return taken;
}

std::string wire::take_line()
{
    std::string line = read_until("\r\n");
    line.resize(line.size() - 2);
    return line;
}
}  // namespace kit
