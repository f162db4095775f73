-- Schema read: what is derived from the log, and how far each derivation has come.
--
-- Everything here can be dropped and folded again. Owned by the role that cannot log in; the application reads it under
-- row security, and writes it only as clientflow_projector, which it becomes by SET ROLE (hence NOINHERIT: merely being
-- a member must not lift row security from the API's connections).

do $$
begin
    begin
        if not exists (select from pg_roles where rolname = 'clientflow_projector') then
            create role clientflow_projector nologin nosuperuser nocreatedb nocreaterole noreplication nobypassrls;
        end if;
    exception when duplicate_object or unique_violation then
        null;  -- a migration of another database was first
    end;
    begin
        if exists (select from pg_roles where rolname = 'clientflow_app' and rolinherit) then
            alter role clientflow_app noinherit;
        end if;
        if not pg_has_role('clientflow_app', 'clientflow_projector', 'member') then
            grant clientflow_projector to clientflow_app;
        end if;
    exception when internal_error or unique_violation then
        null;  -- likewise, in the very same moment
    end;
end
$$;

create schema read authorization clientflow_owner;

set local role clientflow_owner;

grant usage on schema read to clientflow_app, clientflow_projector;

-- The projector compares its positions with the log, and fills its cache lane by lane.
grant usage on schema es to clientflow_projector;
grant select on es.incarnation to clientflow_projector;
grant select (tenant_id, lane) on es.tenant to clientflow_projector;
grant select (lane, seq, event_id) on es.event to clientflow_projector;

-- How far each projection has come in each lane. Insert-only: the row with the highest step counts, older ones are
-- pruned behind it (an updated row would collect dead versions under a long transaction). Taking the next step is the
-- compare-and-set: whoever inserts it second has lost the lane.
create table read.checkpoint
(
    projection  text        collate "C" not null,
    version     integer     not null,
    lane        integer     not null,
    step        bigint      not null check (step > 0),
    seq         bigint      not null check (seq >= 0),
    generation  bigint      not null,  -- grows whenever rows were changed outside the flow: caches are then worthless
    incarnation text        not null,
    event_id    uuid,                  -- of the event at seq
    at          timestamptz not null default clock_timestamp(),
    primary key (projection, version, lane, step)
)
with (autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0,
      autovacuum_analyze_threshold = 2000, autovacuum_analyze_scale_factor = 0);

comment on table read.checkpoint is
    'Positions of the read models in the log; the highest step of a (projection, version, lane) counts.';

-- Keys that a projection cannot fold: their later events wait in the log until they are replayed.
create table read.parked
(
    projection text        collate "C" not null,
    version    integer     not null,
    lane       integer     not null,
    tenant_id  uuid        not null,
    key        uuid        not null,
    from_seq   bigint      not null,
    cause      text        not null,
    parked_at  timestamptz not null default clock_timestamp(),
    primary key (tenant_id, projection, version, key)
);

comment on table read.parked is 'Keys that a projection stopped at, from which event on, and why.';

-- Running totals derived from the rows of a projection. Insert-only like the checkpoints: the highest seq of a
-- (tenant, counter, version, bucket) counts, its predecessor is deleted in the same transaction; no row means zero.
create table read.sum
(
    tenant_id uuid    not null,
    counter   text    collate "C" not null,
    version   integer not null,  -- of the projection that it is derived from
    bucket    text    collate "C" not null,
    seq       bigint  not null,
    value     bigint  not null,
    primary key (tenant_id, counter, version, bucket, seq)
)
with (autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_scale_factor = 0.02,
      autovacuum_analyze_threshold = 5000, autovacuum_analyze_scale_factor = 0.02);

comment on table read.sum is 'Running totals of a tenant; the highest seq of a bucket counts.';

alter table read.parked enable row level security;
alter table read.parked force row level security;
alter table read.sum enable row level security;
alter table read.sum force row level security;

-- current_setting without "missing ok": no tenant is an error, not an empty answer.
create policy tenant_alone on read.parked for select to clientflow_app
    using (tenant_id = current_setting('app.tenant')::uuid);
create policy projector on read.parked to clientflow_projector using (true) with check (true);
create policy tenant_alone on read.sum for select to clientflow_app
    using (tenant_id = current_setting('app.tenant')::uuid);
create policy projector on read.sum to clientflow_projector using (true) with check (true);

grant select on read.checkpoint, read.parked, read.sum to clientflow_app;
grant select, insert, update, delete on read.checkpoint, read.parked, read.sum to clientflow_projector;

-- Takes the next step of many checkpoints at once. Raises unique_violation (somebody is ahead or racing) or CFP01
-- (somebody was ahead and has pruned); either way nothing of the transaction may stand. VOLATILE plpgsql at READ
-- COMMITTED: the look behind the insert sees every step that was committed before our own could be inserted.
create function read.advance(projections text[], versions integer[], lanes integer[], steps bigint[], seqs bigint[],
                             generations bigint[], incarnations text[], event_ids uuid[]) returns void
language plpgsql volatile as $$
begin
    insert into read.checkpoint (projection, version, lane, step, seq, generation, incarnation, event_id)
    select * from unnest(projections, versions, lanes, steps, seqs, generations, incarnations, event_ids)
                      as held (projection, version, lane, step, seq, generation, incarnation, event_id)
     order by 3, 1, 2;

    perform 1
       from unnest(projections, versions, lanes, steps) as held (projection, version, lane, step)
      where held.step <> (select newest.step
                            from read.checkpoint newest
                           where newest.projection = held.projection and newest.version = held.version
                             and newest.lane = held.lane
                           order by newest.step desc
                           limit 1)
         or (held.step > 1
             and not exists (select from read.checkpoint before
                              where before.projection = held.projection and before.version = held.version
                                and before.lane = held.lane and before.step = held.step - 1));
    if found then
        raise exception 'a lane of a projection has another owner' using errcode = 'CFP01';
    end if;

    delete from read.checkpoint old
     using unnest(projections, versions, lanes, steps) as held (projection, version, lane, step)
     where held.step % 16 = 0 and old.projection = held.projection and old.version = held.version
       and old.lane = held.lane and old.step < held.step - 8;
end
$$;

-- New totals for many buckets: the new row in, the one it follows out.
create function read.replace_sums(tenants uuid[], counters text[], versions integer[], buckets text[], befores bigint[],
                                  seqs bigint[], totals bigint[]) returns void
language plpgsql volatile as $$
begin
    insert into read.sum (tenant_id, counter, version, bucket, seq, value)
    select tenant_id, counter, version, bucket, seq, value
      from unnest(tenants, counters, versions, buckets, seqs, totals)
               as fresh (tenant_id, counter, version, bucket, seq, value)
     where value <> 0;

    delete from read.sum old
     using unnest(tenants, counters, versions, buckets, befores) as held (tenant_id, counter, version, bucket, seq)
     where held.seq > 0 and old.tenant_id = held.tenant_id and old.counter = held.counter
       and old.version = held.version and old.bucket = held.bucket and old.seq = held.seq;
end
$$;

revoke execute on function read.advance, read.replace_sums from public;
grant execute on function read.advance, read.replace_sums to clientflow_projector;
