-- Analysts fill no disk and stop no writer: what PostgreSQL lets everybody do even in a transaction that only reads.
--
-- pg_logical_emit_message writes as much of the write-ahead log as it is told; pg_export_snapshot makes a file at each
-- call; the other two take a transaction's id without writing anything, in a loop as fast as it goes. The product calls
-- none of them. Who may not revoke here (a foreign server without its superuser) is told so by
-- `clientflow doctor`.
do $$
declare
    maker record;
begin
    for maker in
        select p.oid::regprocedure as signature
          from pg_proc p
         where p.pronamespace = 'pg_catalog'::regnamespace
           and p.proname in ('pg_logical_emit_message', 'pg_export_snapshot', 'pg_current_xact_id', 'txid_current')
    loop
        begin
            execute format('revoke execute on function %s from public', maker.signature);
        exception when insufficient_privilege then
            null;
        end;
    end loop;
end
$$;

set local role clientflow_owner;

-- Gives a login the settings it begins with, in place of whatever it has set for itself. Runs with the caller's rights.
-- Only a superuser can set the last two, and so no session can lift them: temp_file_limit is what each process of a
-- login may keep on the disk while it sorts; log_min_messages keeps what it raises out of the server's log.
create function read.bound_analyst(of_login text) returns void
    language plpgsql volatile as
$$
declare
    manner record;
begin
    execute format('alter role %I reset all', of_login);
    execute format('alter role %I in database %I reset all', of_login, current_database());
    for manner in
        select * from (values ('default_transaction_read_only', 'on', false), ('statement_timeout', '60s', false),
                              ('lock_timeout', '2s', false), ('idle_in_transaction_session_timeout', '60s', false),
                              ('search_path', 'read', false), ('timezone', 'UTC', false),
                              ('temp_file_limit', '256MB', true), ('log_min_messages', 'fatal', true))
                   as m (name, value, of_superuser)
    loop
        begin
            execute format('alter role %I in database %I set %I = %L', of_login, current_database(), manner.name,
                           manner.value);
        exception when insufficient_privilege then
            if not manner.of_superuser then
                raise;
            end if;
        end;
    end loop;
end
$$;
revoke execute on function read.bound_analyst from public;

-- As before, with the bounds above.
create or replace function read.admit_analyst(of_login text, p_tenant uuid, verifier text) returns void
    language plpgsql volatile as
$$
declare
    known record;
    place constant text := case when p_tenant is null then 'clientflow_analyst' else 'clientflow_tenant_analyst' end;
begin
    if p_tenant is not null and not exists (select from es.tenant t where t.tenant_id = p_tenant) then
        raise exception using errcode = 'CFA01', message = 'there is no such tenant';
    end if;
    select a.of_tenant into known from read.analyst a where a.login = of_login;
    if found and known.of_tenant is distinct from p_tenant then
        raise exception using errcode = 'CFA02', message = format('%s is admitted to something else', of_login);
    end if;
    if not exists (select from pg_roles r where r.rolname = of_login) then
        execute format('create role %I nologin', of_login);
    elsif exists (select from pg_roles r
                   where r.rolname = of_login
                     and (r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolreplication
                          or not (pg_has_role(r.oid, 'clientflow_analyst', 'member')
                                  or pg_has_role(r.oid, 'clientflow_tenant_analyst', 'member')))) then
        raise exception using errcode = 'CFA03', message = format('%s exists and is no analyst', of_login);
    end if;
    execute format('alter role %I login nocreatedb inherit connection limit 8 password %L', of_login, verifier);
    execute format('grant %I to %I', place, of_login);
    perform read.bound_analyst(of_login);
    begin
        execute format('revoke temporary on database %I from public', current_database());
        execute format('grant connect on database %I to clientflow_analyst, clientflow_tenant_analyst',
                       current_database());
    exception when insufficient_privilege then
        null;
    end;
    insert into read.analyst (login, of_tenant) values (of_login, p_tenant) on conflict (login) do nothing;
end
$$;

-- Those who are admitted already get the two bounds, and keep what was set for them else. Who may not change them here
-- gives them their bounds by admitting them again.
reset role;
do $$
declare
    admitted record;
begin
    for admitted in
        select a.login from read.analyst a join pg_roles r on r.rolname = a.login
    loop
        begin
            execute format('alter role %I in database %I set temp_file_limit = %L', admitted.login, current_database(),
                           '256MB');
            execute format('alter role %I in database %I set log_min_messages = %L', admitted.login,
                           current_database(), 'fatal');
        exception when insufficient_privilege then
            null;
        end;
    end loop;
end
$$;
