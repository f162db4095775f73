-- When each API key was last used, and how often in each month (UTC): counted in memory by every node and added here in
-- batches. Bookkeeping, not history: a crash may lose the last few seconds of it.

set local role clientflow_owner;

create table read.api_key_use
(
    tenant_id    uuid        not null,
    key_id       uuid        not null,
    month        date        not null,
    calls        bigint      not null,
    last_used_at timestamptz not null,
    primary key (tenant_id, key_id, month)
) with (fillfactor = 70);

comment on table read.api_key_use is 'Calls of each API key per month (UTC), and when it was last used.';

alter table read.api_key_use enable row level security;
alter table read.api_key_use force row level security;
create policy tenant_alone on read.api_key_use for select to clientflow_app
    using (tenant_id = current_setting('app.tenant')::uuid);
create policy owner_writes on read.api_key_use to clientflow_owner using (true) with check (true);
grant select on read.api_key_use to clientflow_app;

-- Adds what a node has counted since its last call; one row per key, in the order of their keys so that two nodes that
-- flush at once wait for each other instead of locking each other.
create function read.note_api_key_use(tenants uuid[], keys uuid[], calls bigint[], used_at timestamptz[])
    returns void
    language sql volatile security definer
    set search_path = pg_catalog, pg_temp as
$$
    insert into read.api_key_use as u (tenant_id, key_id, month, calls, last_used_at)
    select t, k, date_trunc('month', at at time zone 'UTC')::date, n, at
      from unnest(tenants, keys, calls, used_at) as given (t, k, n, at)
     order by t, k
        on conflict (tenant_id, key_id, month)
        do update set calls = u.calls + excluded.calls, last_used_at = greatest(u.last_used_at, excluded.last_used_at)
$$;

-- One read, one call: the tenant is set and the row is read in one round trip.
create function read.api_key_use_of(of_tenant uuid, of_key uuid)
    returns table (last_used_us bigint, calls_this_month bigint)
    language plpgsql volatile as
$$
begin
    perform set_config('app.tenant', of_tenant::text, true);
    return query
        select (extract(epoch from max(u.last_used_at)) * 1000000)::bigint,
               coalesce(sum(u.calls) filter (where u.month = date_trunc('month', now() at time zone 'UTC')::date),
                        0)::bigint
          from read.api_key_use as u
         where u.tenant_id = of_tenant and u.key_id = of_key;
end
$$;

revoke execute on function read.note_api_key_use, read.api_key_use_of from public;
grant execute on function read.note_api_key_use, read.api_key_use_of to clientflow_app;
