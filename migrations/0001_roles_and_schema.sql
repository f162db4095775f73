-- Who may do what, and where it lives.
--
-- clientflow_owner owns every object, cannot log in and cannot bypass row security: nobody who can log in can switch a
-- trigger off. clientflow_app is what the server logs in as: it reads the log and executes the append functions.
-- clientflow_operator only reads. Roles belong to the whole cluster, so another database may have made them already.
do $$
declare
    wanted record;
begin
    for wanted in
        select * from (values
            ('clientflow_owner', 'nologin'),
            ('clientflow_app', 'login'),
            ('clientflow_operator', 'login')) as w(name, login)
    loop
        begin
            if not exists (select from pg_roles where rolname = wanted.name) then
                execute format('create role %I %s nosuperuser nocreatedb nocreaterole noreplication nobypassrls',
                               wanted.name, wanted.login);
            end if;
        exception when duplicate_object or unique_violation then
            null;  -- a migration of another database was first
        end;
    end loop;
    if not (select rolsuper from pg_roles where rolname = current_user) then
        execute format('grant clientflow_owner to %I', current_user);
    end if;
    execute format('grant connect on database %I to clientflow_app, clientflow_operator', current_database());
end
$$;

-- An ordinary login that takes a lane's lock stops the lane. Who may not revoke here (a foreign server without its
-- superuser) is told so by `clientflow doctor`.
do $$
declare
    lock_function record;
begin
    for lock_function in
        select p.oid::regprocedure as signature
          from pg_proc p
         where p.pronamespace = 'pg_catalog'::regnamespace and p.proname ~ '^pg_(try_)?advisory_'
    loop
        begin
            execute format('revoke execute on function %s from public', lock_function.signature);
        exception when insufficient_privilege then
            null;
        end;
    end loop;
    begin
        grant execute on function pg_catalog.pg_advisory_xact_lock(int, int) to clientflow_owner;
    exception when insufficient_privilege then
        null;
    end;
end
$$;

create schema es authorization clientflow_owner;

set local role clientflow_owner;

grant usage on schema es to clientflow_app, clientflow_operator;
alter default privileges in schema es revoke execute on functions from public;

-- What `clientflow migrate` has run.
create table es.migration
(
    number     int primary key,
    name       text not null,
    checksum   text not null,  -- SHA-256 of the file, hex
    applied_at timestamptz not null default clock_timestamp()
);

-- A store that was restored, or failed over to an asynchronous copy, may give a position to other events. The newest
-- row counts; together with the timeline of the write-ahead log it says which history positions belong to.
create table es.incarnation
(
    number   int primary key,
    reason   text not null,
    begun_at timestamptz not null default clock_timestamp()
);
insert into es.incarnation (number, reason) values (1, 'created');

grant select on es.migration, es.incarnation to clientflow_app, clientflow_operator;
