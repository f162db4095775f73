// The log's tickets dealt to several tenants, as if each help desk had customers of its own.
#pragma once

#include "tools/helpdesk/ticket_log.hpp"

#include <cstddef>
#include <vector>

namespace helpdesk
{
// Whole tickets, by the customer of their first row: the customers take turns in the order in which they first call.
// A ticket that changes its customer stays where it is. Rows keep their numbers and their order.
std::vector<std::vector<row>> deal(const std::vector<row>&, std::size_t tenants);
}  // namespace helpdesk
