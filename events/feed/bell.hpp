// Wakes a thread that sleeps in poll(2): a counter with a descriptor, so that it can be waited for beside a socket.
//
// `ring` may be called from any thread and never blocks. Throws std::system_error when made without descriptors left.
#pragma once

#include <cerrno>
#include <cstdint>
#include <sys/eventfd.h>
#include <system_error>
#include <unistd.h>

namespace event_feed
{
class bell
{
public:
    bell() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC))
    {
        if (fd_ < 0)
            throw std::system_error{errno, std::generic_category(), "eventfd"};
    }
    ~bell() { ::close(fd_); }
    bell(const bell&) = delete;
    bell& operator=(const bell&) = delete;

    void ring()
    {
        const std::uint64_t one = 1;
        [[maybe_unused]] const ssize_t written = ::write(fd_, &one, sizeof(one));  // full: it rings already
    }
    void silence()
    {
        std::uint64_t count = 0;
        [[maybe_unused]] const ssize_t got = ::read(fd_, &count, sizeof(count));
    }
    int descriptor() const { return fd_; }

private:
    int fd_;
};
}  // namespace event_feed
