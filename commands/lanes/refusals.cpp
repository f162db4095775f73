#include "commands/lanes/refusals.hpp"

namespace lanes
{
namespace
{
refusal made(refusal_kind kind, std::string code, std::string detail)
{
    refusal r;
    r.kind = kind;
    r.code = std::move(code);
    r.detail = std::move(detail);
    return r;
}
}  // namespace

answer refused_with(refusal why)
{
    answer a;
    a.refused = std::move(why);
    return a;
}

answer unavailable(applied how)
{
    answer a;
    a.unavailable = true;
    a.was_applied = how;
    return a;
}

answer broken(applied how)
{
    answer a;
    a.broken = true;
    a.was_applied = how;
    return a;
}

refusal busy()
{
    return made(refusal_kind::busy, "busy", "Too many commands are waiting. Nothing happened; try again shortly.");
}

refusal no_such_tenant() { return made(refusal_kind::not_found, "not_found", "There is no such thing."); }

refusal lost_races()
{
    return made(refusal_kind::conflict, "conflict", "Others changed the same thing at the same time, again and again.");
}

refusal version_mismatch(std::int64_t current)
{
    refusal r =
        made(refusal_kind::mismatch, "version_mismatch", "The item has another version than If-Match asks for.");
    r.version = current;
    return r;
}

refusal key_reused()
{
    return made(refusal_kind::reused, "idempotency_key_reused",
                "This Idempotency-Key was used before, for another request.");
}

refusal batch_refused()
{
    return made(refusal_kind::sibling, "batch_refused",
                "Another command of this batch was refused, so nothing of it happened.");
}

refusal refusal_for(const event_log::verdict& verdict)
{
    if (verdict.kind == event_log::verdict_kind::claim_taken)
        return made(refusal_kind::conflict, "already_exists", "This value is taken: " + verdict.scope + ".");
    if (verdict.kind == event_log::verdict_kind::quota_under)
        return verdict.scope == "owners" ? made(refusal_kind::conflict, "member.last_owner", "The last owner stays.")
                                         : made(refusal_kind::conflict, verdict.scope + ".floor",
                                                "Fewer are not allowed: " + verdict.scope + ".");

    refusal r = made(refusal_kind::limit, "plan_limit_reached", "The plan allows no more: " + verdict.scope + ".");
    r.metric = verdict.scope;
    r.limit = verdict.limit;
    r.used = verdict.used;
    return r;
}
}  // namespace lanes
