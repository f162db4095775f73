// What the API shows of a tenant, as far as the comparison needs it: the structs it reads answers into.
#pragma once

#include "schemas/record.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace helpdesk::shown
{
struct client
{
    std::string id;
    std::optional<schema::moment> archived_at;
    std::string name;
};

struct project
{
    std::string id;
    std::optional<schema::moment> archived_at;
    std::string name;
    std::string status;
    std::optional<schema::moment> created_at;
};

struct member
{
    std::string id;
    std::optional<schema::moment> archived_at;
    std::optional<std::string> name;
};

struct task
{
    std::string id;
    std::optional<schema::moment> archived_at;
    std::string project_id;
    std::string status;
    std::vector<std::string> assignee_ids;
    std::optional<schema::moment> created_at;
};

template <class T>
struct page
{
    std::vector<T> data;
    std::optional<std::string> next_cursor;
};

struct dashboard_totals
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
    std::string month;
    std::int64_t projects = 0;
    std::int64_t tasks = 0;
};

struct done
{
    std::string member_id;
    std::int64_t count = 0;
};

struct dashboard
{
    dashboard_totals totals;
    std::map<std::string, std::int64_t> projects_by_status;
    std::map<std::string, std::int64_t> tasks_by_status;
    std::vector<month> created_per_month;
    std::vector<done> done_per_member;
};

struct organisation
{
    std::string time_zone;
};
}  // namespace helpdesk::shown

namespace schema
{
namespace shown = helpdesk::shown;

template <>
inline constexpr record_type schema_of<shown::client> =
    record("shown.client", 1, field<&shown::client::id>("id"), field<&shown::client::archived_at>("archived_at"),
           field<&shown::client::name>("name"));
template <>
inline constexpr record_type schema_of<shown::project> =
    record("shown.project", 1, field<&shown::project::id>("id"), field<&shown::project::archived_at>("archived_at"),
           field<&shown::project::name>("name"), field<&shown::project::status>("status"),
           field<&shown::project::created_at>("created_at"));
template <>
inline constexpr record_type schema_of<shown::member> =
    record("shown.member", 1, field<&shown::member::id>("id"), field<&shown::member::archived_at>("archived_at"),
           field<&shown::member::name>("name"));
template <>
inline constexpr record_type schema_of<shown::task> =
    record("shown.task", 1, field<&shown::task::id>("id"), field<&shown::task::archived_at>("archived_at"),
           field<&shown::task::project_id>("project_id"), field<&shown::task::status>("status"),
           field<&shown::task::assignee_ids>("assignee_ids"), field<&shown::task::created_at>("created_at"));
template <class T>
inline constexpr record_type schema_of<shown::page<T>> =
    record("shown.page", 1, field<&shown::page<T>::data>("data"), field<&shown::page<T>::next_cursor>("next_cursor"));
template <>
inline constexpr record_type schema_of<shown::dashboard_totals> =
    record("shown.totals", 1, field<&shown::dashboard_totals::clients>("clients"),
           field<&shown::dashboard_totals::projects_active>("projects_active"),
           field<&shown::dashboard_totals::projects_completed>("projects_completed"),
           field<&shown::dashboard_totals::tasks_open>("tasks_open"),
           field<&shown::dashboard_totals::tasks_done>("tasks_done"),
           field<&shown::dashboard_totals::members>("members"));
template <>
inline constexpr record_type schema_of<shown::month> =
    record("shown.month", 1, field<&shown::month::month>("month"), field<&shown::month::projects>("projects"),
           field<&shown::month::tasks>("tasks"));
template <>
inline constexpr record_type schema_of<shown::done> =
    record("shown.done", 1, field<&shown::done::member_id>("member_id"), field<&shown::done::count>("count"));
template <>
inline constexpr record_type schema_of<shown::dashboard> =
    record("shown.dashboard", 1, field<&shown::dashboard::totals>("totals"),
           field<&shown::dashboard::projects_by_status>("projects_by_status"),
           field<&shown::dashboard::tasks_by_status>("tasks_by_status"),
           field<&shown::dashboard::created_per_month>("created_per_month", items{100'000}),
           field<&shown::dashboard::done_per_member>("done_per_member", items{100'000}));
template <>
inline constexpr record_type schema_of<shown::organisation> =
    record("shown.organisation", 1, field<&shown::organisation::time_zone>("time_zone"));
}  // namespace schema
