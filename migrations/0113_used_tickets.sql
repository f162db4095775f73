-- Tickets for event streams are made without the store and may be used once, at whichever node: this is where their use
-- is written down. A ticket is refused by its own end, so a row only has to outlive that, with room for clocks that
-- differ.

set local role clientflow_owner;

create table read.used_ticket
(
    id         bytea       not null,
    expires_at timestamptz not null,
    constraint used_ticket_pk primary key (id)
);
create index used_ticket_expiry on read.used_ticket (expires_at);

comment on table read.used_ticket is 'Tickets for event streams that were used; a row goes some minutes after its end.';

-- False: it was used before. Of rows that have done their service each use removes a few.
create function read.use_ticket(of_ticket bytea, expires timestamptz) returns boolean
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp as
$$
begin
    delete from read.used_ticket as old
     where old.id in (select t.id from read.used_ticket as t
                       where t.expires_at < clock_timestamp() - interval '10 minutes'
                       order by t.expires_at limit 20 for update skip locked);
    insert into read.used_ticket (id, expires_at) values (of_ticket, expires);
    return true;
exception when unique_violation then
    return false;
end
$$;

revoke execute on function read.use_ticket from public;
grant execute on function read.use_ticket to clientflow_app;
