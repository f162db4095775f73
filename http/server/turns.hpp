// Who is next when many tenants wait for few threads: one thing of one tenant, then one of the next tenant.
//
// A tenant that asks for much waits behind itself, and any other one behind at most one thing of each. A thing that is
// over is passed by and destroyed; it costs its tenant no turn. A tenant that may have nothing now keeps its things and
// is asked again after the others. Not thread-safe.
#pragma once

#include "schemas/assertion.hpp"
#include "schemas/uuid.hpp"

#include <cstddef>
#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>

namespace http
{
struct turns_limits
{
    std::size_t all_max;
    std::size_t of_tenant_max;
};

template <class Item>
class turns
{
public:
    explicit turns(turns_limits limits) : limits_(limits) {}

    bool has_room_for(const schema::uuid& tenant) const
    {
        const auto own = waiting_.find(tenant);
        return size_ < limits_.all_max && (own == waiting_.end() || own->second.size() < limits_.of_tenant_max);
    }

    // REQUIRES: there is room for its tenant.
    void put(const schema::uuid& tenant, Item one)
    {
        CF_ASSERT(has_room_for(tenant));
        const auto [own, is_new] = waiting_.try_emplace(tenant);
        if (is_new)
            order_.push_back(tenant);
        own->second.push_back(std::move(one));
        ++size_;
    }

    // Nothing: nobody waits any more of those who may have something (`may`, by tenant).
    template <class May, class Over>
    std::optional<Item> take(const May& may, const Over& is_over)
    {
        for (auto left = order_.size(); left > 0; --left)
        {
            const auto tenant = order_.front();
            order_.pop_front();
            if (!may(tenant))
            {
                order_.push_back(tenant);
                continue;
            }
            const auto own = waiting_.find(tenant);
            auto found = take_of(own->second, is_over);
            if (own->second.empty())
                waiting_.erase(own);
            else
                order_.push_back(tenant);
            if (found)
                return found;
        }
        return std::nullopt;
    }

    // The first thing that is over of any tenant, whoever may have what: each tenant's first is its oldest.
    template <class Over>
    std::optional<Item> take_over(const Over& is_over)
    {
        for (auto at = order_.begin(); at != order_.end(); ++at)
        {
            const auto own = waiting_.find(*at);
            if (!is_over(own->second.front()))
                continue;
            std::optional<Item> found{std::move(own->second.front())};
            own->second.pop_front();
            --size_;
            if (own->second.empty())
            {
                waiting_.erase(own);
                order_.erase(at);
            }
            return found;
        }
        return std::nullopt;
    }

    template <class Over>
    void drop(const Over& is_over)
    {
        std::erase_if(order_, [&](const schema::uuid& tenant) {
            const auto own = waiting_.find(tenant);
            size_ -= std::erase_if(own->second, is_over);
            if (!own->second.empty())
                return false;
            waiting_.erase(own);
            return true;
        });
    }

    void clear()
    {
        waiting_.clear();
        order_.clear();
        size_ = 0;
    }

    std::size_t size() const { return size_; }

private:
    template <class Over>
    std::optional<Item> take_of(std::deque<Item>& own, const Over& is_over)
    {
        while (!own.empty())
        {
            auto one = std::move(own.front());
            own.pop_front();
            --size_;
            if (!is_over(one))
                return one;
        }
        return std::nullopt;
    }

    turns_limits limits_;
    std::unordered_map<schema::uuid, std::deque<Item>> waiting_;  // no empty ones
    std::deque<schema::uuid> order_;                              // each of them once
    std::size_t size_ = 0;
};
}  // namespace http
