#include "projections/runner/self_check.hpp"

#include <pqxx/pqxx>

namespace projection
{
namespace
{
constexpr const char* findings = R"(
with relation as
(
    select c.oid, c.oid::regclass::text as name, c.relkind, c.relrowsecurity, c.relforcerowsecurity, c.reloptions,
           owner.rolname as owner,
           -- Not while a version is being built: nobody but the projector may look at it until it has its policies.
           exists (select from pg_attribute a
                    where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped)
           and exists (select from aclexplode(c.relacl) g
                        where g.grantee <> c.relowner and g.grantee <> 'clientflow_projector'::regrole) as has_tenant
      from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
      join pg_roles owner on owner.oid = c.relowner
     where n.nspname = 'read' and c.relkind in ('r', 'p', 'v', 'm')
)
select name, 'is owned by ' || owner || ', not by clientflow_owner' from relation where owner <> 'clientflow_owner'
union all
select name, 'holds tenants and has no row security' from relation
 where relkind in ('r', 'p') and has_tenant and not relrowsecurity
union all
select name, 'has row security that its owner may step around (not forced)' from relation
 where relkind in ('r', 'p') and has_tenant and not relforcerowsecurity
union all
select name, 'holds tenants and has no policy for clientflow_app' from relation
 where relkind in ('r', 'p') and has_tenant
   and not exists (select from pg_policy p where p.polrelid = relation.oid
                      and 'clientflow_app'::regrole::oid = any (p.polroles))
union all
select relation.name, 'has a policy for clientflow_app that does not ask for the tenant: ' || p.polname
  from relation join pg_policy p on p.polrelid = relation.oid
 where p.polpermissive and (p.polroles = '{0}' or 'clientflow_app'::regrole::oid = any (p.polroles))
   and coalesce(pg_get_expr(p.polqual, p.polrelid), '') not like '%current_setting(''app.tenant''::text)%'
union all
select relation.name, 'shows rows to analysts without asking who they are: ' || p.polname
  from relation join pg_policy p on p.polrelid = relation.oid
 where p.polpermissive
   and exists (select from pg_roles r where r.oid = any (p.polroles)
                  and (r.rolname = 'clientflow_analyst'
                         and coalesce(pg_get_expr(p.polqual, p.polrelid), '') not like '%analyst_sees_all()%'
                       or r.rolname = 'clientflow_tenant_analyst'
                         and coalesce(pg_get_expr(p.polqual, p.polrelid), '') not like '%analyst_tenant()%'))
union all
select name, 'can be written by analysts' from relation
 where has_table_privilege('clientflow_analyst', oid, 'insert, update, delete, truncate, references, trigger')
    or has_table_privilege('clientflow_tenant_analyst', oid, 'insert, update, delete, truncate, references, trigger')
union all
select name, 'is a materialized view, which no row security protects' from relation where relkind = 'm'
union all
select name, 'is a view that reads with its owner''s rights (not security_invoker)' from relation
 where relkind = 'v' and not coalesce(reloptions && array['security_invoker=true', 'security_invoker=on'], false)
union all
select 'schema read', 'is owned by ' || nspowner::regrole || ', not by clientflow_owner' from pg_namespace
 where nspname = 'read' and nspowner <> 'clientflow_owner'::regrole
union all
select 'schema read', 'is missing' where not exists (select from pg_namespace where nspname = 'read')
union all
select 'role ' || rolname, 'may bypass row security' from pg_roles
 where rolname in ('clientflow_owner', 'clientflow_app', 'clientflow_projector', 'clientflow_analyst',
                   'clientflow_tenant_analyst') and (rolbypassrls or rolsuper)
union all
select 'role ' || rolname, 'can log in' from pg_roles
 where rolname in ('clientflow_owner', 'clientflow_projector', 'clientflow_analyst', 'clientflow_tenant_analyst')
   and rolcanlogin
union all
select 'role clientflow_app', 'inherits clientflow_projector and with it the sight of all tenants' from pg_roles
 where rolname = 'clientflow_app' and rolinherit
union all
select 'role clientflow_app', 'is a member of clientflow_owner'
 where pg_has_role('clientflow_app', 'clientflow_owner', 'member')
order by 1, 2)";
}  // namespace

std::vector<finding> check_row_security(event_log::connection& over)
{
    const event_log::connection::deadline limit{over, std::chrono::milliseconds{10'000}};
    pqxx::nontransaction work{over.raw()};
    std::vector<finding> found;
    for (const auto& row : work.exec(findings))
        found.push_back({row[0].as<std::string>(), row[1].as<std::string>()});
    return found;
}
}  // namespace projection
