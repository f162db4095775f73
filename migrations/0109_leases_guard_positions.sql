-- Positions are taken only under a lease that still holds.
--
-- A process that was stopped past its lease and wakes up must not write. Its steps are inserted first, then its leases
-- are looked at in a snapshot of their own: either the lane was taken from it before, and it leaves, or whoever takes
-- the lane later finds these steps and goes on behind them.


set local role clientflow_owner;

grant select on es.lane_lease to clientflow_projector;

create function read.advance_under_lease(projections text[], versions integer[], lanes integer[], steps bigint[],
                                         seqs bigint[], generations bigint[], incarnations text[], event_ids uuid[],
                                         of_role text, leased integer[], terms bigint[]) returns void
language plpgsql volatile as $$
begin
    perform read.advance(projections, versions, lanes, steps, seqs, generations, incarnations, event_ids);

    perform 1
       from unnest(leased, terms) as held (lane, term)
      where not exists (select from es.lane_lease l
                         where l.role = of_role and l.lane = held.lane and l.term = held.term and l.owner is not null);
    if found then
        raise exception 'the lease of a lane has ended' using errcode = 'CFP01';
    end if;
end
$$;

revoke execute on function read.advance_under_lease from public;
grant execute on function read.advance_under_lease to clientflow_projector;
