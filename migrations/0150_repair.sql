-- What a repair may write into the log's own tables: claims and running totals of one tenant, and nothing else.
set local role clientflow_owner;

-- One call under the locks of the lanes: writes claims and totals of a tenant as they were reckoned from its events up
-- to `p_seen_to`; answers false, having written nothing, when something of the tenant has happened since. Executable by
-- nobody but the owner's members and superusers: an operator's repair.
create function es.mend_standing(p_tenant uuid, p_lane int, p_seen_to bigint, p_take boolean[], p_scopes text[],
                                 p_hashes text[], p_places uuid[], p_categories text[], p_owners uuid[],
                                 p_metrics text[], p_totals bigint[])
    returns boolean
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp as
$$
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception using errcode = 'CF005', message = 'a repair runs at read committed';
    end if;
    -- Lane 0 holds the claims that are unique on the platform.
    perform pg_advisory_xact_lock(7105, l.lane)
       from (select distinct lane from unnest(array[0, p_lane]) as u(lane) order by lane) as l;

    if not exists (select from es.tenant t where t.tenant_id = p_tenant and t.lane = p_lane) then
        raise exception using errcode = 'CF004', message = 'the tenant does not live in the lane named';
    end if;
    if exists (select from es.event e where e.lane = p_lane and e.seq > p_seen_to and e.tenant_id = p_tenant) then
        return false;
    end if;

    delete from es.claim c
     using unnest(p_scopes, p_hashes, p_places) as w (scope, hash, place)
     where c.tenant_id = w.place and c.scope = w.scope and c.hash = decode(w.hash, 'hex');
    insert into es.claim (tenant_id, scope, hash, owner_tenant_id, owner_category, owner_id)
    select w.place, w.scope, decode(w.hash, 'hex'), p_tenant, w.category, w.owner
      from unnest(p_take, p_scopes, p_hashes, p_places, p_categories, p_owners)
               as w (take, scope, hash, place, category, owner)
     where w.take;

    insert into es.quota (tenant_id, metric, n, total)
    select p_tenant, w.metric, coalesce((select max(q.n) from es.quota q
                                          where q.tenant_id = p_tenant and q.metric = w.metric), 0) + 1, w.total
      from unnest(p_metrics, p_totals) as w (metric, total);
    return true;
end
$$;
revoke execute on function es.mend_standing from public;

-- Who mended what, and why: one row when a repair begins, one when it is through.
create table read.repair
(
    at      timestamptz not null default clock_timestamp(),
    by_whom text        not null,
    reason  text        not null,
    what    json        not null
);
comment on table read.repair is 'Repairs of what is derived from the log.';
grant select on read.repair to clientflow_operator;
