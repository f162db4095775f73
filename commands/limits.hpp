// What a plan allows, and how a refused quota or a taken claim is told to the client.
//
// Quotas count unarchived things per tenant and are held by the store; metrics and claim scopes are stored strings,
// written once. Pure.
#pragma once

#include "commands/lanes/decision.hpp"
#include "events/log/store.hpp"
#include "events/org.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace limits
{
// Metrics.
inline constexpr std::string_view members = "members";
inline constexpr std::string_view clients = "clients";
inline constexpr std::string_view projects = "projects";
inline constexpr std::string_view tasks = "tasks";
inline constexpr std::string_view comments = "comments";
inline constexpr std::string_view owners = "owners";  // no plan limits it; never under `owners_min`

inline constexpr std::int64_t owners_min = 1;

// Scopes of claims on values.
inline constexpr std::string_view org_slug = "org.slug";              // platform-wide
inline constexpr std::string_view member_email = "member.email";      // per organisation
inline constexpr std::string_view api_key_digest = "api_key.digest";  // platform-wide

// The metrics that plans limit, in the order in which usage is shown.
std::span<const std::string_view> metrics();

// Nothing: as many as you like.
std::optional<std::int64_t> of(org::plan, std::string_view metric);

// One thing more or less: a rise is held against the plan, a fall never is.
lanes::quota counted(std::string_view metric, std::int64_t delta, org::plan);

// The number of owners rises or falls; the last one stays.
lanes::quota owners_changed(std::int64_t delta);

// What the client is told of a verdict claim_taken, quota_over or quota_under.
lanes::refusal refused_by(const event_log::verdict&);
}  // namespace limits
