-- How rounds are appended: set-wise when nothing stands against it, else command by command.
--
-- Own SQLSTATEs: CF001 a violation was met after writing began, repeat the round carefully · CF002 this round id is
-- settled already · CF003 the round id is too old or from the future · CF004 a tenant does not live in the lane named ·
-- CF005 not at READ COMMITTED · CF009 the log is immutable.
set local role clientflow_owner;

-- What a round carries. `lane_at` counts from 1 in the round's ascending list of lanes.
create type es.tenant_in as (lane_at int, tenant_id uuid, wrapped_key bytea);
create type es.event_in as
(
    lane_at        int,
    schema_version int,
    nth            bigint,  -- 1, 2, 3, … within the round and lane
    version        bigint,
    event_id       uuid,
    tenant_id      uuid,
    stream_id      uuid,
    category       text,
    type           text,
    data           json,
    meta           json
);
create type es.head_in as (version bigint, tenant_id uuid, stream_id uuid, category text, event_id uuid);
create type es.receipt_in as
(
    kept_as         smallint,
    status          smallint,
    version         bigint,
    tenant_id       uuid,
    stream_id       uuid,
    shown_tenant_id uuid,
    key             text,
    category        text,
    principal       text,
    fingerprint     bytea
);
create type es.claim_in as
(
    take            boolean,
    tenant_id       uuid,
    scope           text,
    hash            bytea,
    owner_tenant_id uuid,
    owner_category  text,
    owner_id        uuid
);
create type es.quota_in as (tenant_id uuid, metric text, delta bigint, at_most bigint, at_least bigint);
create type es.key_in as (tenant_id uuid, subject_id uuid, version int, wrapped bytea);
-- One command's share, as the last index of each list that is its own; it begins where the command before ended.
create type es.command_in as
(
    lane_at  int,
    together int,  -- commands that stand side by side with the same number above 0 are appended all or none
    events   int,
    heads    int,
    receipts int,
    claims   int,
    quotas   int,
    keys     int,
    born     int
);
create type es.quota_step as (tenant_id uuid, metric text, n bigint, total bigint);

-- How long the id of a round may be used, and rounds are kept. The id is a UUIDv7 and carries its time.
create function es.round_time(id uuid) returns timestamptz language sql immutable strict parallel safe
return to_timestamp(('x' || lpad(left(replace(id::text, '-', ''), 12), 16, '0'))::bit(64)::bigint / 1000.0);

-- The first statements of every append: locks before anything else, each later statement sees all earlier commits of
-- the lanes. Nothing here assigns a transaction id.
create function es.open_round(p_round uuid, p_lanes int[], p_tenants es.tenant_in[],
                              out heads bigint[], out clocks timestamptz[])
    language plpgsql volatile as
$$
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception using errcode = 'CF005', message = 'an append runs at read committed';
    end if;
    perform pg_advisory_xact_lock(7105, l.lane)
       from (select lane from unnest(p_lanes) as u(lane) order by lane) as l;

    if not es.round_time(p_round) between clock_timestamp() - interval '6 hours'
                                      and clock_timestamp() + interval '1 hour' then
        raise exception using errcode = 'CF003', message = 'the round id is too old or from the future';
    end if;
    if exists (select from es.round as r where r.id = p_round) then
        raise exception using errcode = 'CF002', message = 'the round is settled';
    end if;
    if exists (select from unnest(p_tenants) as given
                           left join lateral (select t.lane from es.tenant as t where t.tenant_id = given.tenant_id
                                               limit 1) as known on true
                where known.lane is distinct from p_lanes[given.lane_at]) then
        raise exception using errcode = 'CF004', message = 'a tenant does not live in the lane named';
    end if;

    select array_agg(coalesce(last.seq, 0) order by l.at),
           array_agg(greatest(last.recorded_at, clock_timestamp()) order by l.at)
      into heads, clocks
      from unnest(p_lanes) with ordinality as l(lane, at)
           left join lateral (select e.seq, e.recorded_at from es.event as e
                               where e.lane = l.lane order by e.seq desc limit 1) as last on true;
end
$$;

-- The set-wise path. `heads` are those expected from outside the round; what the round builds on inside it, the caller
-- has compared. Answers null, having written nothing, when something stands against the round as a whole; a unique
-- index is the second line.
create function es.append(p_round uuid, p_lanes int[], p_tenants es.tenant_in[], p_events es.event_in[],
                          p_heads es.head_in[], p_receipts es.receipt_in[], p_claims es.claim_in[],
                          p_quotas es.quota_in[], p_keys es.key_in[], p_born es.tenant_in[])
    returns bigint[]
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp
    set plan_cache_mode = force_generic_plan
    set enable_seqscan = off
    set enable_bitmapscan = off
    set enable_hashjoin = off
    set enable_mergejoin = off
    set jit = off as
$$
declare
    v_heads  bigint[];
    v_clocks timestamptz[];
    v_quotas es.quota_step[];
    v_broken boolean;
begin
    select o.heads, o.clocks into v_heads, v_clocks from es.open_round(p_round, p_lanes, p_tenants) as o;

    if exists (select from unnest(p_heads) as expected
                           left join lateral (select e.version, e.event_id from es.event as e
                                               where e.tenant_id = expected.tenant_id
                                                 and e.category = expected.category
                                                 and e.stream_id = expected.stream_id
                                               order by e.version desc limit 1) as found on true
                where coalesce(found.version, 0) <> expected.version
                   or (expected.version > 0 and found.event_id <> expected.event_id)) then
        return null;
    end if;

    if cardinality(p_claims) > 0 then
        if exists (select from unnest(p_claims) as wanted
                               cross join lateral (select c.hash from es.claim as c
                                                    where c.tenant_id = wanted.tenant_id and c.scope = wanted.scope
                                                      and c.hash = wanted.hash limit 1) as held
                    where wanted.take) then
            return null;
        end if;
    end if;

    if cardinality(p_quotas) > 0 then
        select array_agg((net.tenant_id, net.metric, coalesce(newest.n, 0) + 1,
                          coalesce(newest.total, 0) + net.delta)::es.quota_step),
               bool_or((net.at_most is not null and coalesce(newest.total, 0) + net.up > net.at_most)
                       or (net.at_least is not null and coalesce(newest.total, 0) + net.down < net.at_least))
          into v_quotas, v_broken
          from (select q.tenant_id, q.metric, sum(q.delta)::bigint as delta,
                       sum(greatest(q.delta, 0)) as up, sum(least(q.delta, 0)) as down,
                       min(q.at_most) filter (where q.delta > 0) as at_most,
                       max(q.at_least) filter (where q.delta < 0) as at_least
                  from unnest(p_quotas) as q group by q.tenant_id, q.metric) as net
               left join lateral (select t.n, t.total from es.quota as t
                                   where t.tenant_id = net.tenant_id and t.metric = net.metric
                                   order by t.n desc limit 1) as newest on true;
        if v_broken then
            return null;
        end if;
    end if;

    begin
        if cardinality(p_born) > 0 then
            insert into es.tenant (tenant_id, lane, wrapped_key)
            select b.tenant_id, p_lanes[b.lane_at], b.wrapped_key from unnest(p_born) as b;
        end if;
        if cardinality(p_claims) > 0 then
            delete from es.claim as c using unnest(p_claims) as w
             where not w.take and c.tenant_id = w.tenant_id and c.scope = w.scope and c.hash = w.hash
               and c.owner_tenant_id = w.owner_tenant_id and c.owner_category = w.owner_category
               and c.owner_id = w.owner_id;
            insert into es.claim
            select w.tenant_id, w.scope, w.hash, w.owner_tenant_id, w.owner_category, w.owner_id
              from unnest(p_claims) as w where w.take;
        end if;
        if cardinality(p_quotas) > 0 then
            insert into es.quota select q.tenant_id, q.metric, q.n, q.total from unnest(v_quotas) as q;
        end if;
        if cardinality(p_receipts) > 0 then
            insert into es.receipt
            select r.tenant_id, r.key, r.kept_as, r.status, r.version, v_clocks[1], r.stream_id, r.shown_tenant_id,
                   r.category, r.principal, r.fingerprint
              from unnest(p_receipts) as r;
        end if;
        if cardinality(p_keys) > 0 then
            insert into es.subject_key select k.tenant_id, k.subject_id, k.version, k.wrapped from unnest(p_keys) as k;
        end if;
        insert into es.event
        select p_lanes[e.lane_at], e.schema_version, v_heads[e.lane_at] + e.nth, e.version, v_clocks[e.lane_at],
               e.event_id, e.tenant_id, e.stream_id, e.category, e.type, e.data, e.meta
          from unnest(p_events) as e;
        insert into es.round (id, is_void, lanes, heads, recorded_at)
        values (p_round, false, p_lanes, v_heads, v_clocks[1]);
    exception when unique_violation then
        raise exception using errcode = 'CF001', message = 'the round needs care';
    end;
    return v_heads;
end
$$;
