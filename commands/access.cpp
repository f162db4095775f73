// The rule of refused access: what was noted once stays.
#include "commands/access.hpp"

#include "commands/org.hpp"

#include <utility>
#include <vector>

namespace accesses
{
rules::facts_or_refusal<event> decide(const command& asked, const state& now, const lanes::origin& from)
{
    if (!rules::by_platform(from))
        return rules::forbidden("Only the platform notes what it refused.");
    if (now.it)
        return std::vector<event>{};
    const note& n = std::get<note>(asked);
    return std::vector<event>{refused{n.id, n.key_id, n.member_id, n.code, n.reason, n.route, n.count, n.minute}};
}

lanes::decided handle(const command& asked, lanes::view& sight, const lanes::origin& from)
{
    const auto& tenant = sight.look<org::state>(from.tenant);
    const auto& now = sight.look<state>(rules::id_of(asked));
    auto made = decide(asked, now, from);
    if (!made)
        return made.error();
    if (!tenant.it)
        return rules::not_found();
    return rules::decision_of<state>(asked, from, std::move(*made));
}

state evolve(state now, const event& happened, const event_log::stamp& at)
{
    if (!now.it)
        now.it.emplace();
    apply(*now.it, happened, at);
    return now;
}

std::string render(const state& now) { return rules::rendered(now); }

std::size_t bytes(const state&) { return sizeof(state); }

std::span<const schema::record_type* const> commands() { return schema::alternatives_of<command>; }
}  // namespace accesses
