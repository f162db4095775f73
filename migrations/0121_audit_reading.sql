-- Where a time lies among a tenant's events, for reading who did what in a period.
set local role clientflow_owner;

-- The first seq of the tenant that was recorded at `since` or later; behind the last one when there is none. By halving
-- over the primary key, because recorded_at never falls along seq: some two dozen look-ups, and no index on the time.
create function read.audit_seq_from(of_tenant uuid, since timestamptz) returns bigint
    language plpgsql stable
    set enable_seqscan = off
    set plan_cache_mode = force_generic_plan as
$$
declare
    low    bigint;  -- every row below is older
    high   bigint;  -- no row at or above is older
    middle bigint;
    found_seq bigint;
    found_at  timestamptz;
begin
    select first.seq into low from read.audit_log first where first.tenant_id = of_tenant order by first.seq limit 1;
    if not found then
        return 1;
    end if;
    select last.seq + 1 into high from read.audit_log last where last.tenant_id = of_tenant
     order by last.seq desc limit 1;
    while low < high loop
        middle := low + (high - low) / 2;
        select row_at.seq, row_at.recorded_at into found_seq, found_at
          from read.audit_log row_at
         where row_at.tenant_id = of_tenant and row_at.seq >= middle
         order by row_at.seq
         limit 1;
        if found_at < since then
            low := found_seq + 1;
        else
            high := middle;
        end if;
    end loop;
    return low;
end
$$;

revoke execute on function read.audit_seq_from from public;
grant execute on function read.audit_seq_from to clientflow_app;
