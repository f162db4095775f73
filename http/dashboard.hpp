// The figures at a glance: totals, states, creations per month, work done per member.
#pragma once

#include "events/member.hpp"
#include "http/server/route.hpp"
#include "schemas/record.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace dashboard
{
std::span<const http::route> routes();

struct totals
{
    std::int64_t clients = 0;
    std::int64_t projects_active = 0;
    std::int64_t projects_completed = 0;
    std::int64_t tasks_open = 0;
    std::int64_t tasks_done = 0;
    std::int64_t members = 0;
};

struct month
{
    std::string name;
    std::int64_t projects = 0;
    std::int64_t tasks = 0;
};

struct work
{
    member::member_id member_id;
    std::int64_t count = 0;
};

// What is to become revenue: the budgets of projects that are not archived, in the currency's smallest unit.
struct budget
{
    std::string currency;
    std::int64_t open_minor = 0;
    std::int64_t completed_minor = 0;
};

struct item
{
    dashboard::totals totals;
    std::map<std::string, std::int64_t> projects_by_status;
    std::map<std::string, std::int64_t> tasks_by_status;
    std::vector<month> created_per_month;
    std::vector<work> done_per_member;
    std::vector<budget> budgets_by_currency;
};
}  // namespace dashboard

template <>
inline constexpr schema::record_type schema::schema_of<dashboard::totals> =
    schema::record("dashboard.totals", 1, schema::field<&dashboard::totals::clients>("clients"),
                   schema::field<&dashboard::totals::projects_active>("projects_active"),
                   schema::field<&dashboard::totals::projects_completed>("projects_completed"),
                   schema::field<&dashboard::totals::tasks_open>("tasks_open"),
                   schema::field<&dashboard::totals::tasks_done>("tasks_done"),
                   schema::field<&dashboard::totals::members>("members"));

template <>
inline constexpr schema::record_type schema::schema_of<dashboard::month> = schema::record(
    "dashboard.month", 1, schema::field<&dashboard::month::name>("month", "YYYY-MM in the organisation's zone."),
    schema::field<&dashboard::month::projects>("projects"), schema::field<&dashboard::month::tasks>("tasks"));

template <>
inline constexpr schema::record_type schema::schema_of<dashboard::work> =
    schema::record("dashboard.work", 1, schema::field<&dashboard::work::member_id>("member_id"),
                   schema::field<&dashboard::work::count>("count"));

template <>
inline constexpr schema::record_type schema::schema_of<dashboard::budget> =
    schema::record("dashboard.budget", 1, schema::field<&dashboard::budget::currency>("currency"),
                   schema::field<&dashboard::budget::open_minor>("open_minor", "Of projects that are not completed."),
                   schema::field<&dashboard::budget::completed_minor>("completed_minor", "Of completed projects."));

template <>
inline constexpr schema::record_type schema::schema_of<dashboard::item> =
    schema::record("dashboard", 1, schema::field<&dashboard::item::totals>("totals"),
                   schema::field<&dashboard::item::projects_by_status>("projects_by_status"),
                   schema::field<&dashboard::item::tasks_by_status>("tasks_by_status"),
                   schema::field<&dashboard::item::created_per_month>("created_per_month"),
                   schema::field<&dashboard::item::done_per_member>("done_per_member"),
                   schema::field<&dashboard::item::budgets_by_currency>("budgets_by_currency"));
