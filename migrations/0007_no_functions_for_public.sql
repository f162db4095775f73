-- Functions that are made from now on are nobody's until they are granted.
--
-- PostgreSQL lets PUBLIC execute every new function, and default privileges of one schema can only add to those of the
-- whole database, never take away: the revocation within schema es of 0001 had no effect. Each migration so far revoked
-- for itself.
set local role clientflow_owner;

alter default privileges for role clientflow_owner revoke execute on functions from public;
