-- Operators look at positions and stopped keys without being superusers. So does whoever migrates as a plain member of
-- the owner: row security is forced, and nothing was granted to the owner either.

set local role clientflow_owner;

grant usage on schema read to clientflow_operator;
grant select on read.checkpoint, read.parked to clientflow_operator;
create policy operators on read.parked for select to clientflow_operator, clientflow_owner using (true);
