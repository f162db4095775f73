#include "http/server/use_book.hpp"

#include "schemas/assertion.hpp"

#include <algorithm>

namespace http
{
namespace
{
constexpr std::int64_t quarter_us = 15LL * 60 * 1'000'000;
}

bool use_book::note(const key_calls& more)
{
    const place where{more.last_used_at.us / quarter_us, more.tenant, more.key.value};
    const auto found = waiting_.find(where);
    if (found != waiting_.end())
    {
        found->second.calls += more.calls;
        found->second.last_used_at = std::max(found->second.last_used_at, more.last_used_at);
        return true;
    }
    if (waiting_.size() >= waiting_max_)
        return false;
    waiting_.emplace(where, more);
    return true;
}

const use_sending* use_book::next()
{
    if (under_way_)
        return &*under_way_;
    if (waiting_.empty())
        return nullptr;
    under_way_.emplace().number = ++last_number_;
    while (!waiting_.empty() && under_way_->uses.size() < sending_entries_max)
    {
        under_way_->uses.push_back(waiting_.begin()->second);
        waiting_.erase(waiting_.begin());
    }
    return &*under_way_;
}

void use_book::kept()
{
    CF_ASSERT(under_way_.has_value());
    under_way_.reset();
}
}  // namespace http
