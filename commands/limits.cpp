// The table of plans, and the table of what a refused claim or quota means.
#include "commands/limits.hpp"

#include "commands/rules.hpp"
#include "schemas/assertion.hpp"

#include <array>
#include <string>

namespace limits
{
namespace
{
struct row
{
    std::string_view metric;
    std::array<std::optional<std::int64_t>, 3> by_plan;  // starter, professional, business
};

constexpr std::optional<std::int64_t> none;

constexpr std::array<row, 5> plans{{
    {members, {5, 50, none}},
    {clients, {10, 1'000, none}},
    {projects, {5, 200, none}},
    {tasks, {200, 50'000, none}},
    {comments, {500, 200'000, none}},
}};

constexpr std::array<std::string_view, 5> limited{members, clients, projects, tasks, comments};

// Which member of the request holds the value that somebody else has.
struct claimed
{
    std::string_view scope;
    std::string_view pointer;
    std::string_view detail;
};

constexpr std::array<claimed, 3> claims{{
    {org_slug, "#/slug", "Another organisation has this slug."},
    {member_email, "#/email", "Another member has this e-mail address."},
    {api_key_digest, "#/digest", "This key exists already."},
}};
}  // namespace

std::span<const std::string_view> metrics() { return limited; }

std::optional<std::int64_t> of(org::plan plan, std::string_view metric)
{
    for (const row& each : plans)
        if (each.metric == metric)
            return each.by_plan[static_cast<std::size_t>(plan)];
    return std::nullopt;
}

lanes::quota counted(std::string_view metric, std::int64_t delta, org::plan plan)
{
    return {std::string(metric), delta, of(plan, metric), std::nullopt};
}

lanes::quota owners_changed(std::int64_t delta) { return {std::string(owners), delta, std::nullopt, owners_min}; }

lanes::refusal refused_by(const event_log::verdict& refused)
{
    using event_log::verdict_kind;
    CF_ASSERT(refused.kind == verdict_kind::claim_taken || refused.kind == verdict_kind::quota_over ||
              refused.kind == verdict_kind::quota_under);

    if (refused.kind == verdict_kind::claim_taken)
    {
        for (const claimed& each : claims)
            if (each.scope == refused.scope)
                return rules::already_exists(std::string(each.pointer), std::string(each.detail));
        return rules::already_exists("#", "This value is taken.");
    }

    lanes::refusal made;
    made.metric = refused.scope;
    made.limit = refused.limit;
    made.used = refused.used;
    if (refused.kind == verdict_kind::quota_under && refused.scope == owners)
    {
        made.kind = lanes::refusal_kind::conflict;
        made.code = "member.last_owner";
        made.detail = "An organisation keeps at least one owner.";
        return made;
    }
    made.kind = lanes::refusal_kind::limit;
    made.code = "plan_limit_reached";
    made.detail = "The plan allows " + std::to_string(refused.limit) + ' ' + refused.scope + '.';
    return made;
}
}  // namespace limits
