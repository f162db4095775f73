// See deal.hpp.
#include "tools/helpdesk/deal.hpp"

#include <string>
#include <unordered_map>

namespace helpdesk
{
std::vector<std::vector<row>> deal(const std::vector<row>& rows, std::size_t tenants)
{
    std::vector<std::vector<row>> hands(tenants);
    std::unordered_map<std::string, std::size_t> customers, tickets;
    for (const auto& each : rows)
    {
        auto [ticket, is_new] = tickets.try_emplace(each.ticket);
        if (is_new)
            ticket->second = customers.try_emplace(each.customer, customers.size() % tenants).first->second;
        hands[ticket->second].push_back(each);
    }
    return hands;
}
}  // namespace helpdesk
