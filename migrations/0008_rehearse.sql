-- What an append would say to one command, without appending: for clients that ask first.
set local role clientflow_owner;

-- Judged as the careful path judges, on what is committed now. Takes no lock and writes nothing, so what it says may be
-- out of date when it arrives; whoever then appends is judged anew. `head` is the lane's, read first.
create function es.rehearse(p_lane int, p_heads es.head_in[], p_claims es.claim_in[], p_quotas es.quota_in[],
                            out kind smallint, out scope text, out at_most bigint, out used bigint, out head bigint)
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set plan_cache_mode = force_generic_plan
    set enable_seqscan = off
    set enable_bitmapscan = off
    set jit = off as
$$
declare
    v_said es.verdict_out;
begin
    head := coalesce((select e.seq from es.event as e where e.lane = p_lane order by e.seq desc limit 1), 0);
    v_said := es.judge((1, 0, 0, 0, 0, 0, 0, 0, 0)::es.command_in,
                       (1, 0, 0, cardinality(p_heads), 0, cardinality(p_claims), cardinality(p_quotas), 0,
                        0)::es.command_in,
                       p_heads, '{}', p_claims, p_quotas, '{}', '{}');
    kind := v_said.kind;
    scope := v_said.scope;
    at_most := v_said.at_most;
    used := v_said.used;
end
$$;

grant execute on function es.rehearse(int, es.head_in[], es.claim_in[], es.quota_in[]) to clientflow_app;
