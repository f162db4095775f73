-- The careful path: a round that the set-wise path did not take, judged command by command.
--
-- Verdicts: 0 appended · 1 receipt exists · 2 a head moved · 3 a claim is taken · 4 over a quota's limit · 5 under its
-- floor · 6 a sibling of the group was refused. One refused command costs its neighbours nothing.
set local role clientflow_owner;

create type es.verdict_out as (kind smallint, scope text, at_most bigint, used bigint);

-- Receipt, heads, claims, quotas: the first thing that stands against one command. Reads only.
create function es.judge(p_from es.command_in, p_upto es.command_in, p_heads es.head_in[], p_receipts es.receipt_in[],
                         p_claims es.claim_in[], p_quotas es.quota_in[], p_keys es.key_in[], p_born es.tenant_in[])
    returns es.verdict_out
    language plpgsql volatile as
$$
declare
    v_head    es.head_in;
    v_receipt es.receipt_in;
    v_claim   es.claim_in;
    v_earlier es.claim_in;
    v_quota   es.quota_in;
    v_key     es.key_in;
    v_born    es.tenant_in;
    v_owner   record;
    v_version bigint;
    v_event   uuid;
    v_total   bigint;
    v_held    boolean;
begin
    for i in p_from.receipts + 1 .. p_upto.receipts loop
        v_receipt := p_receipts[i];
        if exists (select from es.receipt as r where r.tenant_id = v_receipt.tenant_id and r.key = v_receipt.key) then
            return (1, '', 0, 0)::es.verdict_out;
        end if;
    end loop;

    for i in p_from.heads + 1 .. p_upto.heads loop
        v_head := p_heads[i];
        select e.version, e.event_id into v_version, v_event from es.event as e
         where e.tenant_id = v_head.tenant_id and e.category = v_head.category and e.stream_id = v_head.stream_id
         order by e.version desc limit 1;
        if coalesce(v_version, 0) <> v_head.version or (v_head.version > 0 and v_event <> v_head.event_id) then
            return (2, v_head.category, 0, 0)::es.verdict_out;
        end if;
    end loop;
    for i in p_from.born + 1 .. p_upto.born loop
        v_born := p_born[i];
        if exists (select from es.tenant as t where t.tenant_id = v_born.tenant_id) then
            return (2, 'tenant', 0, 0)::es.verdict_out;
        end if;
    end loop;
    for i in p_from.keys + 1 .. p_upto.keys loop
        v_key := p_keys[i];
        if exists (select from es.subject_key as k where k.tenant_id = v_key.tenant_id
                      and k.subject_id = v_key.subject_id and k.version = v_key.version
                      and k.wrapped is distinct from v_key.wrapped) then
            return (2, 'subject_key', 0, 0)::es.verdict_out;
        end if;
    end loop;

    for i in p_from.claims + 1 .. p_upto.claims loop
        v_claim := p_claims[i];
        continue when not v_claim.take;
        select c.owner_tenant_id, c.owner_category, c.owner_id into v_owner from es.claim as c
         where c.tenant_id = v_claim.tenant_id and c.scope = v_claim.scope and c.hash = v_claim.hash;
        continue when not found;
        v_held := (v_owner.owner_tenant_id, v_owner.owner_category, v_owner.owner_id)
                  <> (v_claim.owner_tenant_id, v_claim.owner_category, v_claim.owner_id);
        for j in p_from.claims + 1 .. i - 1 loop
            v_earlier := p_claims[j];
            if not v_earlier.take and v_earlier.tenant_id = v_claim.tenant_id and v_earlier.scope = v_claim.scope
               and v_earlier.hash = v_claim.hash and v_earlier.owner_tenant_id = v_owner.owner_tenant_id
               and v_earlier.owner_category = v_owner.owner_category and v_earlier.owner_id = v_owner.owner_id then
                v_held := false;  -- this command's own release comes first
            end if;
        end loop;
        if v_held then
            return (3, v_claim.scope, 0, 0)::es.verdict_out;
        end if;
    end loop;

    for i in p_from.quotas + 1 .. p_upto.quotas loop
        v_quota := p_quotas[i];
        select q.total into v_total from es.quota as q
         where q.tenant_id = v_quota.tenant_id and q.metric = v_quota.metric order by q.n desc limit 1;
        v_total := coalesce(v_total, 0);
        if v_quota.delta > 0 and v_total + v_quota.delta > v_quota.at_most then
            return (4, v_quota.metric, v_quota.at_most, v_total)::es.verdict_out;
        end if;
        if v_quota.delta < 0 and v_total + v_quota.delta < v_quota.at_least then
            return (5, v_quota.metric, v_quota.at_least, v_total)::es.verdict_out;
        end if;
    end loop;
    return (0, '', 0, 0)::es.verdict_out;
end
$$;

-- Writes all of one judged command but its events. A unique violation here means that another lane took a platform-wide
-- value between judging and writing.
create function es.write_parts(p_from es.command_in, p_upto es.command_in, p_lanes int[], p_clock timestamptz,
                               p_receipts es.receipt_in[], p_claims es.claim_in[], p_quotas es.quota_in[],
                               p_keys es.key_in[], p_born es.tenant_in[])
    returns void
    language plpgsql volatile as
$$
declare
    v_receipt es.receipt_in;
    v_claim   es.claim_in;
    v_quota   es.quota_in;
    v_key     es.key_in;
    v_born    es.tenant_in;
begin
    for i in p_from.born + 1 .. p_upto.born loop
        v_born := p_born[i];
        insert into es.tenant (tenant_id, lane, wrapped_key)
        values (v_born.tenant_id, p_lanes[v_born.lane_at], v_born.wrapped_key);
    end loop;
    for i in p_from.claims + 1 .. p_upto.claims loop
        v_claim := p_claims[i];
        if not v_claim.take then
            delete from es.claim as c
             where c.tenant_id = v_claim.tenant_id and c.scope = v_claim.scope and c.hash = v_claim.hash
               and c.owner_tenant_id = v_claim.owner_tenant_id and c.owner_category = v_claim.owner_category
               and c.owner_id = v_claim.owner_id;
        elsif not exists (select from es.claim as c
                           where c.tenant_id = v_claim.tenant_id and c.scope = v_claim.scope and c.hash = v_claim.hash
                             and c.owner_tenant_id = v_claim.owner_tenant_id
                             and c.owner_category = v_claim.owner_category and c.owner_id = v_claim.owner_id) then
            insert into es.claim values (v_claim.tenant_id, v_claim.scope, v_claim.hash, v_claim.owner_tenant_id,
                                         v_claim.owner_category, v_claim.owner_id);
        end if;
    end loop;
    for i in p_from.quotas + 1 .. p_upto.quotas loop
        v_quota := p_quotas[i];
        insert into es.quota
        select v_quota.tenant_id, v_quota.metric, coalesce(newest.n, 0) + 1, coalesce(newest.total, 0) + v_quota.delta
          from (select 1) as one
               left join lateral (select q.n, q.total from es.quota as q
                                   where q.tenant_id = v_quota.tenant_id and q.metric = v_quota.metric
                                   order by q.n desc limit 1) as newest on true;
    end loop;
    for i in p_from.receipts + 1 .. p_upto.receipts loop
        v_receipt := p_receipts[i];
        insert into es.receipt values (v_receipt.tenant_id, v_receipt.key, v_receipt.kept_as, v_receipt.status,
                                       v_receipt.version, p_clock, v_receipt.stream_id, v_receipt.shown_tenant_id,
                                       v_receipt.category, v_receipt.principal, v_receipt.fingerprint);
    end loop;
    for i in p_from.keys + 1 .. p_upto.keys loop
        v_key := p_keys[i];
        -- The same key comes with every command that sealed something with it: an earlier one may have brought it.
        insert into es.subject_key
        select v_key.tenant_id, v_key.subject_id, v_key.version, v_key.wrapped
         where not exists (select from es.subject_key as k where k.tenant_id = v_key.tenant_id
                              and k.subject_id = v_key.subject_id and k.version = v_key.version);
    end loop;
end
$$;

-- Judges and writes the commands p_first to p_last in order, and stops at the first that is refused.
create function es.append_unit(p_first int, p_last int, p_lanes int[], p_clocks timestamptz[],
                               p_commands es.command_in[], p_events es.event_in[], p_heads es.head_in[],
                               p_receipts es.receipt_in[], p_claims es.claim_in[], p_quotas es.quota_in[],
                               p_keys es.key_in[], p_born es.tenant_in[],
                               inout p_seqs bigint[], inout p_lasts bigint[],
                               out refused int, out verdict es.verdict_out)
    language plpgsql volatile as
$$
declare
    v_from  es.command_in := (1, 0, 0, 0, 0, 0, 0, 0, 0)::es.command_in;
    v_upto  es.command_in;
    v_event es.event_in;
begin
    refused := 0;
    for c in p_first .. p_last loop
        if c > 1 then
            v_from := p_commands[c - 1];
        end if;
        v_upto := p_commands[c];
        verdict := es.judge(v_from, v_upto, p_heads, p_receipts, p_claims, p_quotas, p_keys, p_born);
        if verdict.kind <> 0 then
            refused := c;
            return;
        end if;
        perform es.write_parts(v_from, v_upto, p_lanes, p_clocks[1], p_receipts, p_claims, p_quotas, p_keys, p_born);
        p_lasts[c] := p_seqs[v_upto.lane_at];
        for i in v_from.events + 1 .. v_upto.events loop
            v_event := p_events[i];
            p_seqs[v_event.lane_at] := p_seqs[v_event.lane_at] + 1;
            insert into es.event
            values (p_lanes[v_event.lane_at], v_event.schema_version, p_seqs[v_event.lane_at], v_event.version,
                    p_clocks[v_event.lane_at], v_event.event_id, v_event.tenant_id, v_event.stream_id,
                    v_event.category, v_event.type, v_event.data, v_event.meta);
            p_lasts[c] := p_seqs[v_event.lane_at];
        end loop;
    end loop;
end
$$;

-- `p_heads` holds every expectation of every command here. Commands are taken in order, so one that was built on a
-- refused one finds another event at the head, or none. Only groups and takers of claims, which may have to be undone,
-- run in a subtransaction: hundreds of those would slow down every snapshot in the cluster.
create function es.append_carefully(p_round uuid, p_lanes int[], p_tenants es.tenant_in[],
                                    p_commands es.command_in[], p_events es.event_in[], p_heads es.head_in[],
                                    p_receipts es.receipt_in[], p_claims es.claim_in[], p_quotas es.quota_in[],
                                    p_keys es.key_in[], p_born es.tenant_in[],
                                    out heads bigint[], out kinds smallint[], out scopes text[], out limits bigint[],
                                    out used bigint[], out lasts bigint[])
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set plan_cache_mode = force_generic_plan
    set enable_seqscan = off
    set enable_bitmapscan = off
    set jit = off as
$$
declare
    v_clocks timestamptz[];
    v_seqs   bigint[];
    v_before int := 0;  -- claims of the commands before
    v_unit   es.command_in;
    v_done   record;
    v_count  int := cardinality(p_commands);
    v_first  int := 1;
    v_last   int;
    v_tries  int;
    v_wrote  boolean := false;
begin
    select o.heads, o.clocks into heads, v_clocks from es.open_round(p_round, p_lanes, p_tenants) as o;
    v_seqs := heads;
    kinds := array_fill(0::smallint, array[v_count]);
    scopes := array_fill(''::text, array[v_count]);
    limits := array_fill(0::bigint, array[v_count]);
    used := array_fill(0::bigint, array[v_count]);
    lasts := array_fill(0::bigint, array[v_count]);

    while v_first <= v_count loop
        v_unit := p_commands[v_first];
        v_last := v_first;
        while v_unit.together > 0 and v_last < v_count and (p_commands[v_last + 1]).together = v_unit.together loop
            v_last := v_last + 1;
        end loop;

        if v_first = v_last and v_unit.claims = v_before then
            v_done := es.append_unit(v_first, v_last, p_lanes, v_clocks, p_commands, p_events, p_heads, p_receipts,
                                     p_claims, p_quotas, p_keys, p_born, v_seqs, lasts);
        else
            v_tries := 0;
            <<attempt>>
            loop
                v_tries := v_tries + 1;
                begin
                    v_done := es.append_unit(v_first, v_last, p_lanes, v_clocks, p_commands, p_events, p_heads,
                                             p_receipts, p_claims, p_quotas, p_keys, p_born, v_seqs, lasts);
                    if v_done.refused > 0 then
                        raise exception using errcode = 'CF006', message = 'a command of the group is refused';
                    end if;
                    exit attempt;
                exception
                    when sqlstate 'CF006' then
                        exit attempt;
                    when unique_violation then  -- a platform-wide value was taken between judging and writing
                        if v_tries >= 3 then
                            raise exception using errcode = 'CF001', message = 'the round needs care again';
                        end if;
                end;
            end loop;
        end if;

        if v_done.refused = 0 then
            v_seqs := v_done.p_seqs;
            lasts := v_done.p_lasts;
            v_wrote := true;
        else
            for c in v_first .. v_last loop
                kinds[c] := 6;
                lasts[c] := v_seqs[(p_commands[c]).lane_at];
            end loop;
            kinds[v_done.refused] := (v_done.verdict).kind;
            scopes[v_done.refused] := (v_done.verdict).scope;
            limits[v_done.refused] := (v_done.verdict).at_most;
            used[v_done.refused] := (v_done.verdict).used;
        end if;
        v_before := (p_commands[v_last]).claims;
        v_first := v_last + 1;
    end loop;

    if v_wrote then
        insert into es.round values (p_round, false, p_lanes, heads, kinds, scopes, limits, used, lasts, v_clocks[1]);
    end if;
end
$$;
