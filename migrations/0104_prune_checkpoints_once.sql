-- Old steps of a checkpoint are looked at once. Without a lower bound every removal walked over all entries removed
-- before, for as long as some snapshot keeps them: quadratic under a transaction that is held open.

set local role clientflow_owner;

-- As before (0100). Every step whose number is a multiple of 16 removes those between 24 and 8 behind it, which are
-- the ones that the removal before has left.
create or replace function read.advance(projections text[], versions integer[], lanes integer[], steps bigint[],
                                        seqs bigint[], generations bigint[], incarnations text[], event_ids uuid[])
    returns void
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
       and old.lane = held.lane and old.step >= held.step - 24 and old.step < held.step - 8;
end
$$;
