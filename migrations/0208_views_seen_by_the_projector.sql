-- Whoever swaps versions sees which of them the analysts' views show, and finishes a swap that was cut off before they
-- followed.
set local role clientflow_owner;

grant select on read.analyst_view to clientflow_projector;
