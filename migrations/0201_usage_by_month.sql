-- Usage by month: calls of the API, and what was created.
--
-- Creations are counted from the rows like every total (read.sum), by quarters of an hour; so are budgets by currency.
-- The read models that did not count them before have a new definition for it: their rows are built beside the live
-- ones (`projection upgrade`), and nothing here touches rows. Calls are bookkeeping: every node counts them in memory
-- and adds them here every second, so a crash may lose the last second of them.

set local role clientflow_owner;

-- Calls by quarters of an hour (UTC), of which every zone's months are made when reading. Which metrics there are is
-- public: api_calls; more may come.
create table read.usage_counter
(
    tenant_id uuid        not null,
    metric    text        collate "C" not null,
    bucket    timestamptz not null,  -- the quarter of an hour begins
    value     bigint      not null,
    primary key (tenant_id, metric, bucket)
) with (fillfactor = 70);

comment on table read.usage_counter is 'What is metered and is no row: calls of the API, by quarters of an hour (UTC).';
comment on column read.usage_counter.metric is 'What is counted: api_calls.';
comment on column read.usage_counter.bucket is 'The first moment of the quarter of an hour.';
comment on column read.usage_counter.value is 'How often, by all nodes together.';

alter table read.usage_counter enable row level security;
alter table read.usage_counter force row level security;
create policy tenant_alone on read.usage_counter for select to clientflow_app
    using (tenant_id = current_setting('app.tenant')::uuid);
create policy owner_writes on read.usage_counter to clientflow_owner using (true) with check (true);
grant select on read.usage_counter to clientflow_app;

-- What was counted before is known by the month as UTC has it: the middle of it lies in the same month of every zone.
-- Servers of the program before wait with what they have counted meanwhile.
lock table read.api_key_use in share row exclusive mode;
insert into read.usage_counter (tenant_id, metric, bucket, value)
select tenant_id, 'api_calls', (month + 14)::timestamp at time zone 'UTC', sum(calls)
  from read.api_key_use
 group by 1, 3;

-- As before (0200), and the calls of each organisation. Both tables in the order of their keys, one after the other, so
-- that nodes that flush at once wait for each other instead of locking each other.
create or replace function read.note_api_key_use(tenants uuid[], keys uuid[], calls bigint[], used_at timestamptz[])
    returns void
    language sql volatile security definer
    set search_path = pg_catalog, pg_temp as
$$
    insert into read.api_key_use as u (tenant_id, key_id, month, calls, last_used_at)
    select t, k, date_trunc('month', at at time zone 'UTC')::date, n, at
      from unnest(tenants, keys, calls, used_at) as given (t, k, n, at)
     order by t, k
        on conflict (tenant_id, key_id, month)
        do update set calls = u.calls + excluded.calls, last_used_at = greatest(u.last_used_at, excluded.last_used_at);

    insert into read.usage_counter as u (tenant_id, metric, bucket, value)
    select t, 'api_calls', date_bin('15 minutes', at, 'epoch'), sum(n)
      from unnest(tenants, calls, used_at) as given (t, n, at)
     group by 1, 3
     order by 1, 3
        on conflict (tenant_id, metric, bucket) do update set value = u.value + excluded.value
$$;

-- A definition's first version has the definition's number, and analysts see its counters from the beginning.
create or replace function read.register_projection(of_projection text, of_definition integer, of_digest text,
                                                    of_table text) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
    with registered as
    (
        insert into read.projection (projection, version, definition, digest, rows_in, state)
        select of_projection, of_definition, of_definition, of_digest, read.own_table(of_projection, of_table)::text,
               'live'
         where not exists (select from read.projection p where p.projection = of_projection)
        on conflict do nothing
        returning projection, version, rows_in
    )
    update read.analyst_view v
       set version = r.version
      from registered r
     where v.projection = r.projection and v.of_table = r.rows_in
$$;

-- -- What analysts see of it.

select read.open_to_analysts('read.usage_counter', '{}');
select read.open_to_analysts('read.api_key_use', '{}');

create view read.usage with (security_invoker = true) as
select m.tenant_id, m.month, m.noun || 's_created' as metric, m.created as used
  from read.created_by_month m
union all
select u.tenant_id, date_trunc('month', u.bucket at time zone coalesce(o.time_zone, 'UTC'))::date, u.metric,
       sum(u.value)::bigint
  from read.usage_counter u
  left join read.orgs o on o.tenant_id = u.tenant_id
 group by 1, 2, 3;
comment on view read.usage is
    'What was metered in each month of the organisation''s time zone, as GET /usage shows it; no row means zero.';
comment on column read.usage.tenant_id is 'The organisation.';
comment on column read.usage.month is 'The first day of the month, in the organisation''s time zone as it is now.';
comment on column read.usage.metric is
    'members_created, clients_created, projects_created, tasks_created, comments_created or api_calls.';
comment on column read.usage.used is 'How many. Creations agree with the log; of calls a crash loses a second at most.';

create view read.api_calls with (security_invoker = true) as
select u.tenant_id, u.key_id as api_key_id, u.month, u.calls, u.last_used_at from read.api_key_use u;
comment on view read.api_calls is 'How often each API key was used in each month.';
comment on column read.api_calls.tenant_id is 'The organisation.';
comment on column read.api_calls.api_key_id is 'The key, as in read.api_keys.';
comment on column read.api_calls.month is 'The first day of the month, which is UTC''s for keys.';
comment on column read.api_calls.calls is 'How many calls; a crash loses a second of them at most.';
comment on column read.api_calls.last_used_at is 'When it was last used in that month, up to a second behind.';

create view read.budgets with (security_invoker = true) as
select c.tenant_id, split_part(c.bucket, '/', 1) as currency,
       coalesce(sum(c.value) filter (where c.bucket like '%/open'), 0)::bigint as open_minor,
       coalesce(sum(c.value) filter (where c.bucket like '%/completed'), 0)::bigint as completed_minor
  from read.counts c
 where c.counter = 'project.budget'
 group by 1, 2;
comment on view read.budgets is
    'What is to become revenue, by currency: the budgets of projects that are not archived.';
comment on column read.budgets.tenant_id is 'The organisation.';
comment on column read.budgets.currency is 'ISO 4217.';
comment on column read.budgets.open_minor is 'Of projects that are not completed, in the currency''s minor unit.';
comment on column read.budgets.completed_minor is 'Of completed projects, in the currency''s minor unit.';

grant select on read.usage, read.api_calls, read.budgets to clientflow_analyst, clientflow_tenant_analyst;

comment on column read.counts.bucket is
    'Of the counter: a status, a member''s id, a currency of open or completed projects (EUR/open), or a quarter of an'
    ' hour (UTC) for what was created.';
comment on column read.counts.value is 'How many there are; of budgets, how much in the currency''s minor unit.';
comment on column read.created_by_day.noun is 'What was created: project, task, client, member or comment.';
comment on column read.created_by_month.noun is 'What was created: project, task, client, member or comment.';
