-- Who serves which lane: leases of roles that share lanes between processes (projectors, and whoever reads lanes
-- later).
--
-- A process beats every two seconds. Its session holds an advisory lock named by its number, so that others see at once
-- when the session has gone. Whether an owner is dead is judged by whoever wants its lanes (events/feed/ownership),
-- never here. Nothing here protects data: a lease only says who should work, and each consumer fences its own writes.

-- Which functions may take locks was decided in 0001; this one lock is a session's and never a lane's (another class).
do $$
begin
    grant execute on function pg_catalog.pg_try_advisory_lock(int, int) to clientflow_owner;
exception when insufficient_privilege then
    null;
end
$$;

set local role clientflow_owner;

create table es.process
(
    process  uuid primary key,
    number   int generated always as identity,
    role     text        collate "C" not null check (role ~ '^[a-z_]{1,40}$'),
    beat     bigint      not null default 0,
    begun_at timestamptz not null default clock_timestamp(),
    seen_at  timestamptz not null default clock_timestamp()
) with (fillfactor = 50);

create table es.lane_lease
(
    role  text        collate "C" not null,
    lane  int         not null references es.lane,
    term  bigint      not null default 0,  -- grows with every owner
    owner uuid,                            -- nobody's while null
    at    timestamptz not null default clock_timestamp(),
    primary key (role, lane)
) with (fillfactor = 50);

comment on table es.process is 'Processes that share lanes, with their beat.';
comment on table es.lane_lease is 'Which process serves a lane for a role; the term grows with every owner.';

grant select on es.process, es.lane_lease to clientflow_app, clientflow_operator;

-- I am here. Also makes the rows of lanes that have none, and forgets processes that own nothing and died long ago.
-- False: an earlier session of this process still holds its lock, so say it again soon.
create function es.beat(of_process uuid, of_role text) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    its_number int;
begin
    update es.process p set beat = p.beat + 1, seen_at = clock_timestamp() where p.process = of_process
        returning p.number into its_number;
    if not found then
        insert into es.process (process, role) values (of_process, of_role) returning number into its_number;
    end if;

    if (select count(*) from es.lane_lease l where l.role = of_role) < (select count(*) from es.lane) then
        insert into es.lane_lease (role, lane) select of_role, l.lane from es.lane l on conflict do nothing;
    end if;
    delete from es.process old
     where old.seen_at < clock_timestamp() - interval '1 day'
       and not exists (select from es.lane_lease l where l.owner = old.process);

    return exists (select from pg_locks k
                    where k.locktype = 'advisory' and k.classid = 7106 and k.objid = its_number
                      and k.pid = pg_backend_pid())
        or pg_try_advisory_lock(7106, its_number);
end
$$;

-- Everybody who shares the role's lanes, and whether the session of each is open.
create function es.peers(of_role text) returns table (process uuid, beat bigint, is_here boolean)
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select p.process, p.beat,
           exists (select from pg_locks k
                    where k.locktype = 'advisory' and k.classid = 7106 and k.objid = p.number and k.granted
                      and k.database = (select d.oid from pg_database d where d.datname = current_database()))
      from es.process p
     where p.role = of_role
$$;

-- The new term; nothing when the lease is not as it was seen.
create function es.take_lease(of_process uuid, of_role text, of_lane int, seen_term bigint) returns bigint
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
    update es.lane_lease
       set term = term + 1, owner = of_process, at = clock_timestamp()
     where role = of_role and lane = of_lane and term = seen_term
       and exists (select from es.process p where p.process = of_process and p.role = of_role)
    returning term
$$;

-- Wakes whoever waits for lanes. The notification rides in no append's transaction.
create function es.give_lease(of_process uuid, of_role text, of_lane int, held_term bigint) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
    update es.lane_lease set owner = null, at = clock_timestamp()
     where role = of_role and lane = of_lane and term = held_term and owner = of_process;
    perform pg_notify('clientflow_leases', '');
end
$$;

create function es.leave(of_process uuid) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
    update es.lane_lease set owner = null, at = clock_timestamp() where owner = of_process;
    delete from es.process where process = of_process;
    perform pg_notify('clientflow_leases', '');
end
$$;

revoke execute on function es.beat, es.peers, es.take_lease, es.give_lease, es.leave from public;
grant execute on function es.beat, es.peers, es.take_lease, es.give_lease, es.leave to clientflow_app;
