-- Row security compares with a value found once when a statement runs, not with one that the planner looks up to guess
-- how many rows a tenant has: a plan that is kept must not suit only the tenant it was made with, and a plan made
-- before the tenant is set must be possible at all. What is sought by words, by time and in sums is planned for its
-- tenant as before.
set local role clientflow_owner;
set local lock_timeout = '2s';  -- reads wait behind this: rather run again than let them

-- Versions that are being made now are waited for.
select from read.projection for update;

do $$
declare
    each record;
begin
    for each in
        select n.nspname, c.relname
          from pg_policy p
          join pg_class c on c.oid = p.polrelid
          join pg_namespace n on n.oid = c.relnamespace
         where n.nspname = 'read' and p.polname = 'tenant_alone'
           and (c.relname = 'parked'
                or exists (select from read.projection v
                            where v.rows_in = 'read.' || c.relname and v.projection <> 'audit_log')
                or c.relname in ('api_key', 'client', 'comment', 'member', 'org', 'project', 'task', 'time_entry'))
    loop
        execute format('alter policy tenant_alone on %I.%I'
                       ' using (tenant_id = (select current_setting(''app.tenant'')::uuid))',
                       each.nspname, each.relname);
    end loop;
end
$$;
