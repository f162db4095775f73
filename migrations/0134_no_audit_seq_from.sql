-- Removes a function that nothing calls: pages of who did what go by seq, and a period is a condition on them.
set local role clientflow_owner;

drop function read.audit_seq_from(uuid, timestamptz);
