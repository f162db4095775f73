#include "http/server/past_queue.hpp"

#include "schemas/assertion.hpp"

#include <utility>

namespace http
{
bool past_queue::has_room_for(const schema::uuid& tenant) const
{
    const auto own = waiting_.find(tenant);
    return size_ < limits_.all_max && (own == waiting_.end() || own->second.size() < limits_.of_tenant_max);
}

void past_queue::put(entry one)
{
    CF_ASSERT(has_room_for(one.tenant));
    const auto [own, is_new] = waiting_.try_emplace(one.tenant);
    if (is_new)
        turns_.push_back(one.tenant);
    own->second.push_back(std::move(one));
    ++size_;
}

std::optional<past_queue::entry> past_queue::take(std::chrono::steady_clock::time_point now,
                                                  const std::function<bool(const schema::uuid&)>& may_be_read)
{
    for (auto left = turns_.size(); left > 0; --left)
    {
        const auto tenant = turns_.front();
        turns_.pop_front();
        if (!may_be_read(tenant))
        {
            turns_.push_back(tenant);
            continue;
        }
        const auto own = waiting_.find(tenant);
        auto found = take_of(own->second, now);
        if (own->second.empty())
            waiting_.erase(own);
        else
            turns_.push_back(tenant);
        if (found)
            return found;
    }
    return std::nullopt;
}

std::optional<past_queue::entry> past_queue::take_of(std::deque<entry>& own, std::chrono::steady_clock::time_point now)
{
    while (!own.empty())
    {
        auto one = std::move(own.front());
        own.pop_front();
        --size_;
        if (!is_expired(one, now))
            return one;
        ++passed_over_;
    }
    return std::nullopt;
}

void past_queue::drop_expired(std::chrono::steady_clock::time_point now)
{
    std::erase_if(turns_, [&](const schema::uuid& tenant) {
        const auto own = waiting_.find(tenant);
        const auto gone = std::erase_if(own->second, [&](const entry& one) { return is_expired(one, now); });
        size_ -= gone;
        passed_over_ += gone;
        if (!own->second.empty())
            return false;
        waiting_.erase(own);
        return true;
    });
}

bool past_queue::is_expired(const entry& one, std::chrono::steady_clock::time_point now)
{
    return now >= one.until || one.asker.expired();
}

void past_queue::clear()
{
    waiting_.clear();
    turns_.clear();
    size_ = 0;
}
}  // namespace http
