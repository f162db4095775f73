-- Where owners of lanes have died, so that an event that kills whoever folds it is found and stopped.
--
-- One row per lane, written only when a lane is taken over from the dead and while its events are then folded one at a
-- time.
set local role clientflow_owner;

create table read.suspicion
(
    lane      integer     primary key,
    term      bigint      not null,  -- of the lease that the next one took: each death counts once
    seq       bigint      not null,  -- where the lane stood when its owner died
    deaths    integer     not null default 1,  -- owners that died there, one after the other
    in_flight bigint,                -- the one event that is being folded
    ended     integer     not null default 0,  -- owners that died while it was in flight
    hung      boolean     not null default false,  -- its fold did not end; otherwise it ended the process
    at        timestamptz not null default clock_timestamp()
);

comment on table read.suspicion is 'Where owners of lanes died, and at which event.';
grant select, insert, update, delete on read.suspicion to clientflow_projector;
grant select on read.suspicion to clientflow_operator;
