#include "http/server/past_queue.hpp"

#include <utility>

namespace http
{
void past_queue::put(entry one)
{
    const auto tenant = one.tenant;
    waiting_.put(tenant, std::move(one));
}

std::optional<past_queue::entry> past_queue::take(std::chrono::steady_clock::time_point now,
                                                  const std::function<bool(const schema::uuid&)>& may_be_read)
{
    return waiting_.take(may_be_read, [&](const entry& one) {
        const bool is_over = is_expired(one, now);
        passed_over_ += is_over ? 1 : 0;
        return is_over;
    });
}

void past_queue::drop_expired(std::chrono::steady_clock::time_point now)
{
    const auto before = waiting_.size();
    waiting_.drop([&](const entry& one) { return is_expired(one, now); });
    passed_over_ += before - waiting_.size();
}

bool past_queue::is_expired(const entry& one, std::chrono::steady_clock::time_point now)
{
    return now >= one.until || one.asker.expired();
}
}  // namespace http
