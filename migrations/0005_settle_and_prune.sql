-- What became of a round whose caller lost its connection, and the removal of what has done its service.
set local role clientflow_owner;

-- Declares the round void, unless it was appended or voided before: then answers what is known. Waits for a backend
-- that is still at work on the round.
create function es.settle(p_round uuid, out is_void boolean, out heads bigint[], out kinds smallint[],
                          out scopes text[], out limits bigint[], out used bigint[], out lasts bigint[])
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp as
$$
begin
    is_void := true;
    insert into es.round (id, is_void, lanes, heads, recorded_at) values (p_round, true, '{}', '{}', clock_timestamp());
exception when unique_violation then
    select r.is_void, r.heads, r.kinds, r.scopes, r.limits, r.used, r.lasts
      into is_void, heads, kinds, scopes, limits, used, lasts
      from es.round as r where r.id = p_round;
end
$$;

-- Removes a bounded share of what is past its time and answers where to go on; 0 when through. Rounds go an hour after
-- their ids are refused, so a late append can never be taken twice. `job_receipts_after` null keeps receipts of jobs.
create function es.prune(p_block bigint, p_client_receipts_after interval, p_job_receipts_after interval)
    returns bigint
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp as
$$
declare
    v_blocks   constant bigint := 4096;  -- 32 MiB of receipts per call
    v_oldest_ms bigint := extract(epoch from clock_timestamp() - interval '7 hours') * 1000;
    v_oldest_id uuid := (lpad(to_hex(v_oldest_ms), 12, '0') || '00000000000000000000')::uuid;
begin
    if p_client_receipts_after < interval '24 hours' or p_job_receipts_after < interval '24 hours' then
        raise exception using errcode = 'CF007', message = 'receipts are kept for 24 hours at least';
    end if;
    if p_block = 0 then
        delete from es.round where id < v_oldest_id;
        delete from es.quota as q
         using (select t.tenant_id, t.metric, max(t.n) as newest from es.quota as t group by t.tenant_id, t.metric
                having count(*) > 1) as kept
         where q.tenant_id = kept.tenant_id and q.metric = kept.metric and q.n < kept.newest;
    end if;
    delete from es.receipt as r
     where r.ctid >= format('(%s,0)', p_block)::tid and r.ctid < format('(%s,0)', p_block + v_blocks)::tid
       and ((r.kept_as = 1 and r.recorded_at < clock_timestamp() - p_client_receipts_after)
            or (r.kept_as = 2 and r.recorded_at < clock_timestamp() - p_job_receipts_after));
    if (p_block + v_blocks) * 8192 >= pg_relation_size('es.receipt') then
        return 0;
    end if;
    return p_block + v_blocks;
end
$$;

revoke execute on all functions in schema es from public;
grant execute on function
    es.append(uuid, int[], es.tenant_in[], es.event_in[], es.head_in[], es.receipt_in[], es.claim_in[], es.quota_in[],
              es.key_in[], es.tenant_in[]),
    es.append_carefully(uuid, int[], es.tenant_in[], es.command_in[], es.event_in[], es.head_in[], es.receipt_in[],
                        es.claim_in[], es.quota_in[], es.key_in[], es.tenant_in[]),
    es.settle(uuid),
    es.prune(bigint, interval, interval)
    to clientflow_app;
