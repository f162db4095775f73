-- Analysts: logins that read what the read models show, of all tenants or of one, and nothing else.
--
-- What a login may see stands in read.analyst under its own name, which nobody can change but by a superuser's
-- SET SESSION AUTHORIZATION: no setting of a session (app.tenant), no role that it takes on and no function lifts it.
-- That it cannot write follows from what is not granted; read-only transactions and timeouts are only good manners.
do $$
declare
    wanted text;
begin
    foreach wanted in array array['clientflow_analyst', 'clientflow_tenant_analyst'] loop
        begin
            if not exists (select from pg_roles where rolname = wanted) then
                execute format('create role %I nologin nosuperuser nocreatedb nocreaterole noreplication nobypassrls',
                               wanted);
            end if;
        exception when duplicate_object or unique_violation then
            null;  -- a migration of another database was first
        end;
    end loop;
end
$$;

-- What PostgreSQL lets everybody write: temporary tables, tables in public, large objects. The product uses none of it.
-- Who may not revoke here (a foreign server without its superuser) lets analysts fill a disk, and nothing more.
do $$
declare
    maker record;
begin
    begin
        execute format('revoke temporary on database %I from public', current_database());
        execute format('grant connect on database %I to clientflow_analyst, clientflow_tenant_analyst',
                       current_database());
        revoke create on schema public from public;
    exception when insufficient_privilege or invalid_schema_name then
        null;
    end;
    for maker in
        select p.oid::regprocedure as signature
          from pg_proc p
         where p.pronamespace = 'pg_catalog'::regnamespace
           and p.proname in ('lo_creat', 'lo_create', 'lo_from_bytea', 'lo_import')
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

-- Who is let in, and to what. clientflow_analyst are those of all tenants, clientflow_tenant_analyst those of one.
create table read.analyst
(
    login       text collate "C" primary key,  -- the role that logs in
    of_tenant   uuid,                          -- null: all tenants
    admitted_at timestamptz not null default clock_timestamp()
);
comment on table read.analyst is 'Which login may read what: one tenant, or all.';

-- What is shown to analysts under which name. The names are plural: a read model's table is read.task, and its next
-- version will be read.task_v2, so no table can ever want the name read.tasks.
create table read.analyst_view
(
    name       text    collate "C" primary key,
    projection text    collate "C" not null,
    version    integer not null,  -- of the projection; counters of other versions are not shown
    of_table   text    not null,
    without    text[]  not null   -- columns that are not shown: a person's data
);
comment on table read.analyst_view is 'Which table each view of the analysts shows, and without which columns.';
grant select on read.analyst_view to clientflow_analyst, clientflow_tenant_analyst;

-- True for a login that may see every tenant. Raises for one that is not admitted; so does the next one.
create function read.analyst_sees_all() returns boolean
    language plpgsql stable security definer parallel safe
    set search_path = pg_catalog, pg_temp as
$$
declare
    sees_all boolean;
begin
    select a.of_tenant is null into sees_all from read.analyst as a where a.login = session_user;
    if not found then
        raise exception using errcode = 'insufficient_privilege',
                              message = format('%s is not admitted as an analyst of this database', session_user);
    end if;
    return sees_all;
end
$$;

-- The tenant that this login may see, null when it is not one alone.
create function read.analyst_tenant() returns uuid
    language plpgsql stable security definer parallel safe
    set search_path = pg_catalog, pg_temp as
$$
declare
    tenant uuid;
begin
    select a.of_tenant into tenant from read.analyst as a where a.login = session_user;
    if not found then
        raise exception using errcode = 'insufficient_privilege',
                              message = format('%s is not admitted as an analyst of this database', session_user);
    end if;
    return tenant;
end
$$;

-- Lets analysts at a table's rows: those of all tenants, and each of the others at its own tenant's. The functions
-- stand in sub-selects, so that they are asked once per query and not once per row.
create function read.open_to_analysts(of_table regclass, without text[]) returns void
    language plpgsql volatile as
$$
declare
    shown text;
begin
    if not exists (select from pg_policy where polrelid = of_table and polname = 'analysts') then
        execute format('create policy analysts on %s for select to clientflow_analyst
                            using ((select read.analyst_sees_all()))', of_table);
        execute format('create policy tenant_analysts on %s for select to clientflow_tenant_analyst
                            using (tenant_id = (select read.analyst_tenant()))', of_table);
    end if;
    select string_agg(quote_ident(a.attname), ', ' order by a.attnum) into shown
      from pg_attribute a
     where a.attrelid = of_table and a.attnum > 0 and not a.attisdropped and not a.attname = any (without);
    execute format('revoke all on %s from clientflow_analyst, clientflow_tenant_analyst', of_table);
    execute format('grant select (%s) on %s to clientflow_analyst, clientflow_tenant_analyst', shown, of_table);
end
$$;

-- The table's comments on its view.
create function read.copy_comments(of_view text) returns void
    language plpgsql volatile as
$$
declare
    source regclass;
    each   record;
begin
    select v.of_table::regclass into strict source from read.analyst_view v where v.name = of_view;
    execute format('comment on view read.%I is %L', of_view, obj_description(source, 'pg_class'));
    for each in
        select a.attname, col_description(source, a.attnum) as note
          from pg_attribute a
          join pg_attribute shown on shown.attrelid = format('read.%I', of_view)::regclass
                                 and shown.attname = a.attname
         where a.attrelid = source and a.attnum > 0 and not a.attisdropped
    loop
        execute format('comment on column read.%I.%I is %L', of_view, each.attname, each.note);
    end loop;
end
$$;

-- Shows a table of a read model to analysts under this name; called again with another table it swaps them. Needs the
-- view for a moment alone: set lock_timeout and try again, for an analyst may have a long query on it. `without`: which
-- columns are kept back; null: the same as before.
create function read.show(of_view text, of_projection text, of_version integer, of_table regclass,
                          without text[] default null)
    returns void
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp as
$$
declare
    hidden  text[] := coalesce(without, (select v.without from read.analyst_view v where v.name = of_view), '{}');
    columns text;
    made    text;
begin
    if not exists (select from pg_class c
                    where c.oid = of_table and c.relnamespace = 'read'::regnamespace and c.relkind = 'r'
                      and c.relrowsecurity and c.relforcerowsecurity) then
        raise exception using errcode = 'wrong_object_type',
                              message = format('%s is no table of a read model', of_table);
    end if;
    perform read.open_to_analysts(of_table, hidden);

    select string_agg(quote_ident(a.attname), ', ' order by a.attnum) into columns
      from pg_attribute a
     where a.attrelid = of_table and a.attnum > 0 and not a.attisdropped and not a.attname = any (hidden);
    made := format('view read.%I with (security_invoker = true) as select %s from %s', of_view, columns, of_table);
    begin
        execute 'create or replace ' || made;
    exception when invalid_table_definition then  -- other columns than before
        execute format('drop view read.%I', of_view);
        execute 'create ' || made;
    end;
    execute format('grant select on read.%I to clientflow_analyst, clientflow_tenant_analyst', of_view);

    insert into read.analyst_view as v (name, projection, version, of_table, without)
    values (of_view, of_projection, of_version, of_table::text, hidden)
        on conflict (name) do update set projection = excluded.projection, version = excluded.version,
                                         of_table = excluded.of_table, without = excluded.without;
    perform read.copy_comments(of_view);
end
$$;

revoke execute on function read.analyst_sees_all, read.analyst_tenant, read.open_to_analysts, read.copy_comments,
                           read.show from public;
grant execute on function read.analyst_sees_all, read.analyst_tenant to clientflow_analyst, clientflow_tenant_analyst;
grant execute on function read.show to clientflow_projector;
grant usage on schema read to clientflow_analyst, clientflow_tenant_analyst;

select read.show('orgs', 'org', 1, 'read.org', '{}');
select read.show('members', 'member', 1, 'read.member', '{email,name}');
select read.show('api_keys', 'api_key', 1, 'read.api_key', '{}');
select read.show('clients', 'client', 1, 'read.client', '{email,phone,notes}');
select read.show('projects', 'project', 1, 'read.project', '{}');
select read.show('tasks', 'task', 1, 'read.task', '{}');
select read.show('comments', 'comment', 1, 'read.comment', '{}');
select read.show('time_entries', 'time_entry', 1, 'read.time_entry', '{}');

-- -- Totals.

select read.open_to_analysts('read.sum', '{}');

create view read.counts with (security_invoker = true) as
select distinct on (s.tenant_id, s.counter, s.bucket) s.tenant_id, s.counter, s.bucket, s.value
  from read.sum s
  join read.analyst_view v on v.projection = split_part(s.counter, '.', 1) and v.version = s.version
 order by s.tenant_id, s.counter, s.bucket, s.seq desc;
comment on view read.counts is 'Running totals of each organisation as they are now; no row means zero.';
comment on column read.counts.tenant_id is 'The organisation.';
comment on column read.counts.counter is 'What is counted: <projection>.<what>, for example task.status.';
comment on column read.counts.bucket is
    'Of the counter: a status, a member''s id, or a quarter of an hour (UTC) for what was created.';
comment on column read.counts.value is 'How many there are.';

-- The cast stands inside the case: a condition of the query may be tried on rows of other counters first.
create view read.created_by_day with (security_invoker = true) as
select c.tenant_id, split_part(c.counter, '.', 1) as noun,
       (case when c.counter like '%.created' then c.bucket::timestamptz end
            at time zone coalesce(o.time_zone, 'UTC'))::date as day,
       sum(c.value)::bigint as created
  from read.counts c
  left join read.orgs o on o.tenant_id = c.tenant_id
 where c.counter like '%.created'
 group by 1, 2, 3;
comment on view read.created_by_day is
    'What came about on each day of the organisation''s time zone, archived things included.';
comment on column read.created_by_day.tenant_id is 'The organisation.';
comment on column read.created_by_day.noun is 'What was created: project or task.';
comment on column read.created_by_day.day is 'The day, in the organisation''s time zone as it is now.';
comment on column read.created_by_day.created is 'How many.';

create view read.created_by_month with (security_invoker = true) as
select d.tenant_id, d.noun, date_trunc('month', d.day)::date as month, sum(d.created)::bigint as created
  from read.created_by_day d
 group by 1, 2, 3;
comment on view read.created_by_month is
    'What came about in each month of the organisation''s time zone, archived things included.';
comment on column read.created_by_month.tenant_id is 'The organisation.';
comment on column read.created_by_month.noun is 'What was created: project or task.';
comment on column read.created_by_month.month is 'The first day of the month, in the organisation''s time zone.';
comment on column read.created_by_month.created is 'How many.';

-- -- How fresh all of it is.

select read.open_to_analysts('read.parked', '{cause,reason}');

-- With the owner's rights: analysts have none in the log. An analyst of one tenant sees that tenant's lane alone.
create function read.lanes_shown()
    returns table (projection text, lane integer, shown bigint, head bigint, complete_until timestamptz)
    language plpgsql stable security definer
    set search_path = pg_catalog, pg_temp as
$$
declare
    sees_all constant boolean := read.analyst_sees_all();
    home     constant integer := (select t.lane from es.tenant t where t.tenant_id = read.analyst_tenant());
begin
    return query
        select v.projection, l.lane, coalesce(newest.seq, 0), coalesce(last.seq, 0),
               coalesce(next.recorded_at, clock_timestamp())
          from read.analyst_view v
         cross join es.lane l
          left join lateral (select c.seq from read.checkpoint c
                              where c.projection = v.projection and c.version = v.version and c.lane = l.lane
                              order by c.step desc limit 1) as newest on true
          left join lateral (select e.seq from es.event e where e.lane = l.lane order by e.seq desc limit 1)
               as last on true
          left join lateral (select e.recorded_at from es.event e
                              where e.lane = l.lane and e.seq = coalesce(newest.seq, 0) + 1) as next on true
         where sees_all or l.lane = home;
end
$$;
revoke execute on function read.lanes_shown from public;
grant execute on function read.lanes_shown to clientflow_analyst, clientflow_tenant_analyst;

create view read.freshness with (security_invoker = true) as
select l.projection, l.lane, l.shown, l.head, l.head - l.shown as behind, l.complete_until,
       (select count(*) from read.parked p
          join read.analyst_view v on v.projection = p.projection and v.version = p.version
         where p.projection = l.projection and p.lane = l.lane and p.discarded_at is null) as stopped
  from read.lanes_shown() l;
comment on view read.freshness is 'How far the rows show the log, per projection and lane.';
comment on column read.freshness.projection is 'Which rows: task for read.tasks.';
comment on column read.freshness.lane is 'The part of the log; an organisation lives in one.';
comment on column read.freshness.shown is 'The last event of the lane that the rows show.';
comment on column read.freshness.head is 'The last event of the lane.';
comment on column read.freshness.behind is 'How many events are not shown yet.';
comment on column read.freshness.complete_until is 'Everything recorded before this moment is shown.';
comment on column read.freshness.stopped is
    'Things that the projection has stopped at and nobody has given up: their rows are old.';

grant select on read.counts, read.created_by_day, read.created_by_month, read.freshness
    to clientflow_analyst, clientflow_tenant_analyst;

-- -- Admission.

-- Makes the login, or gives an admitted one a new password; the verifier is SCRAM's, so that no server's log ever sees
-- a password. Runs with the caller's rights, who must be allowed to make roles. Own SQLSTATEs: CFA01 there is no such
-- tenant · CFA02 the login is admitted to something else · CFA03 the role exists and is no analyst's.
create function read.admit_analyst(of_login text, p_tenant uuid, verifier text) returns void
    language plpgsql volatile as
$$
declare
    known record;
    place constant text := case when p_tenant is null then 'clientflow_analyst' else 'clientflow_tenant_analyst' end;
    manner record;
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
    for manner in
        select * from (values ('default_transaction_read_only', 'on'), ('statement_timeout', '60s'),
                              ('lock_timeout', '2s'), ('idle_in_transaction_session_timeout', '60s'),
                              ('search_path', 'read'), ('timezone', 'UTC')) as m (name, value)
    loop
        execute format('alter role %I in database %I set %I = %L', of_login, current_database(), manner.name,
                       manner.value);
    end loop;
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

-- Ends an admission; false when there was none. Whoever is connected sees nothing more from the next statement on.
create function read.dismiss_analyst(of_login text) returns boolean
    language plpgsql volatile as
$$
begin
    delete from read.analyst a where a.login = of_login;
    if not found then
        return false;
    end if;
    begin
        execute format('drop role %I', of_login);
    exception
        when dependent_objects_still_exist then
            execute format('alter role %I nologin', of_login);
        when undefined_object then
            null;
    end;
    return true;
end
$$;
revoke execute on function read.admit_analyst, read.dismiss_analyst from public;
