-- Pruning in steps that are small for every table, so that it can run beside appends at any time.
set local role clientflow_owner;

-- Removes a bounded share of what is past its time and answers where to go on; 0 when through. Takes no lane's lock;
-- the rows it locks are read by no append: rounds whose ids are refused, totals behind the newest, receipts past their
-- time. Rounds go an hour after their ids are refused, so a late append can never be taken twice. What the sweep passed
-- before it became old is met by the next one. `p_job_receipts_after` null keeps receipts of jobs.
create or replace function es.prune(p_block bigint, p_client_receipts_after interval, p_job_receipts_after interval)
    returns bigint
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set enable_seqscan = off
    set plan_cache_mode = force_generic_plan as
$$
declare
    v_blocks    constant bigint := 128;   -- 1 MiB of receipts and of totals per call
    v_rounds    constant bigint := 2000;
    v_oldest_ms bigint := extract(epoch from clock_timestamp() - interval '7 hours') * 1000;
    v_oldest_id uuid := (lpad(to_hex(v_oldest_ms), 12, '0') || '00000000000000000000')::uuid;
    v_from      tid := format('(%s,0)', p_block)::tid;
    v_to        tid := format('(%s,0)', p_block + v_blocks)::tid;
    v_gone      bigint;
begin
    if p_client_receipts_after < interval '24 hours' or p_job_receipts_after < interval '24 hours' then
        raise exception using errcode = 'CF007', message = 'receipts are kept for 24 hours at least';
    end if;
    delete from es.round as r
     where r.id = any (array(select old.id from es.round as old where old.id < v_oldest_id order by old.id
                              limit v_rounds));
    get diagnostics v_gone = row_count;
    delete from es.quota as q
     where q.ctid >= v_from and q.ctid < v_to
       and q.n < (select t.n from es.quota as t where t.tenant_id = q.tenant_id and t.metric = q.metric
                   order by t.n desc limit 1);
    delete from es.receipt as r
     where r.ctid >= v_from and r.ctid < v_to
       and ((r.kept_as = 1 and r.recorded_at < clock_timestamp() - p_client_receipts_after)
            or (r.kept_as = 2 and r.recorded_at < clock_timestamp() - p_job_receipts_after));
    if v_gone < v_rounds
       and (p_block + v_blocks) * 8192 >= greatest(pg_relation_size('es.receipt'), pg_relation_size('es.quota')) then
        return 0;
    end if;
    return p_block + v_blocks;
end
$$;
