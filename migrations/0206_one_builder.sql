-- A version is built by one program at a time.
--
-- Whoever builds claims it for as long as its session lasts: a lock of that session, so a builder that was killed, or
-- whose host has gone, holds nothing up. It is another lock than the lanes' and the processes' (0003, 0009), and is
-- never waited for. It protects no data: each lane's copy is fenced by the steps of its positions, as before.

set local role clientflow_owner;

-- Answers the session (its process id) that builds the version: the caller's own when it was free or claimed already.
-- Nothing: whoever held it has let go in the meantime, so it is worth asking again.
create function read.claim_build(of_projection text, of_version integer) returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    claimed integer;
begin
    select p.rows_in::regclass::oid::integer into claimed
      from read.projection p
     where p.projection = of_projection and p.version = of_version and p.state = 'building';
    if not found then
        raise exception 'version % of % is being built no more', of_version, of_projection using errcode = 'CFP03';
    end if;
    if pg_try_advisory_lock(7107, claimed) then
        return pg_backend_pid();
    end if;
    return (select k.pid
              from pg_locks k
             where k.locktype = 'advisory' and k.classid = 7107 and k.objid = claimed::oid and k.objsubid = 2
               and k.granted and k.database = (select d.oid from pg_database d where d.datname = current_database())
             limit 1);
end
$$;

revoke execute on function read.claim_build from public;
grant execute on function read.claim_build to clientflow_projector;
