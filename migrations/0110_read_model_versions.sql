-- Versions of read models: rows of their own, built beside the live ones, compared, shown instead of them, taken back.
--
-- A version is a set of rows: a table, totals, positions and stopped keys under one number. The definition is the code
-- that folds them; many versions may come of one definition. What is live is a row here, so a swap locks no table and
-- waits for no reader. Versions that are live, beside it or were live (former) are all fed, so a way back is not a step
-- back in time.

set local role clientflow_owner;

create table read.projection
(
    projection text        collate "C" not null,
    version    integer     not null check (version > 0),
    definition integer     not null,
    digest     text        not null,  -- of the shapes that the definition reads and makes
    rows_in    text        not null,  -- the table: "read.task"
    state      text        collate "C" not null
               check (state in ('building', 'beside', 'live', 'former', 'retired')),
    begun_at   timestamptz not null default clock_timestamp(),
    changed_at timestamptz not null default clock_timestamp(),
    reason     text,                  -- why it was retired
    primary key (projection, version)
);
create unique index one_is_live on read.projection (projection) where state = 'live';
create unique index one_is_built on read.projection (projection) where state = 'building';

-- How far the building of a version has come. Updated once a second, for minutes.
create table read.build
(
    projection text        collate "C" not null,
    version    integer     not null,
    lane       integer     not null,
    seq        bigint      not null,
    mark       bigint      not null,  -- up to where it goes before its rows are copied
    rows       bigint      not null default 0,
    begun_at   timestamptz not null default clock_timestamp(),
    at         timestamptz not null default clock_timestamp(),
    primary key (projection, version, lane),
    foreign key (projection, version) references read.projection
);

comment on table read.projection is 'Versions of the read models, and which one is live.';
comment on table read.build is 'Progress of versions that are being built.';
grant select on read.projection, read.build to clientflow_app, clientflow_projector, clientflow_operator;
grant insert, update, delete on read.build to clientflow_projector;

-- A definition's own table is named after its read model: read.task, or read.task_d2 of a later definition. What is
-- called here with the owner's rights can therefore never be turned on another table.
create function read.own_table(of_projection text, named text) returns regclass
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
begin
    if of_projection !~ '^[a-z_]{1,40}$' or named !~ ('^read\.' || of_projection || '(_d[0-9]{1,4})?$') then
        raise exception '% is no table of the read model %', named, of_projection using errcode = 'CFP06';
    end if;
    return named::regclass;
end
$$;

-- The first version of a read model that this database has none of.
create function read.register_projection(of_projection text, of_definition integer, of_digest text, of_table text)
    returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
    insert into read.projection (projection, version, definition, digest, rows_in, state)
    select of_projection, of_definition, of_definition, of_digest, read.own_table(of_projection, of_table)::text, 'live'
     where not exists (select from read.projection p where p.projection = of_projection)
    on conflict do nothing
$$;

-- A fresh version and its table: the shape of the definition's own table, without keys, indexes and row security, which
-- come when its rows are there. Raises unique_violation while another one is being built.
create function read.begin_version(of_projection text, of_definition integer, of_digest text, template text)
    returns table (version integer, rows_in text)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    fresh   integer;
    fresh_table text;
    options text;
    shape   regclass := read.own_table(of_projection, template);
begin
    perform 1 from read.projection p where p.projection = of_projection for update;
    select coalesce(max(p.version), 0) + 1 into fresh from read.projection p where p.projection = of_projection;
    fresh := greatest(fresh, of_definition);
    fresh_table := format('read.%I', of_projection || '_v' || fresh);
    insert into read.projection (projection, version, definition, digest, rows_in, state)
    values (of_projection, fresh, of_definition, of_digest, fresh_table, 'building');

    select coalesce('with (' || array_to_string(c.reloptions, ', ') || ')', '') into options
      from pg_class c where c.oid = shape;
    execute format('create table %s (like %s including defaults including constraints including storage) %s',
                   fresh_table, shape, options);
    execute format('grant select, insert, update, delete on %s to clientflow_projector', fresh_table);
    return query select fresh, fresh_table;
end
$$;

-- Keys, indexes, row security and rights, all as the definition's own table has them.
create function read.finish_version(of_projection text, of_version integer, template text) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    fresh regclass;
    bare  text;
    shape regclass := read.own_table(of_projection, template);
    old   text := split_part(template, '.', 2);
    each  record;
begin
    select p.rows_in::regclass, split_part(p.rows_in, '.', 2) into strict fresh, bare
      from read.projection p
     where p.projection = of_projection and p.version = of_version and p.state = 'building' for update;
    perform set_config('maintenance_work_mem', '128MB', true);

    for each in
        select i.indisprimary, i.indexrelid, c.relname, pg_get_indexdef(i.indexrelid) as made_by,
               pg_get_constraintdef(k.oid) as constrained_by
          from pg_index i
          join pg_class c on c.oid = i.indexrelid
          left join pg_constraint k on k.conindid = i.indexrelid and k.contype = 'p'
         where i.indrelid = shape
           and not exists (select from pg_class there where there.relnamespace = 'read'::regnamespace
                              and there.relname = bare || substr(c.relname, length(old) + 1))
    loop
        if each.indisprimary then
            execute format('alter table %s add constraint %I %s', fresh, bare || '_pkey', each.constrained_by);
        else
            execute regexp_replace(each.made_by, '^CREATE( UNIQUE)? INDEX \S+ ON \S+',
                                   format('CREATE\1 INDEX %I ON %s', bare || substr(each.relname, length(old) + 1),
                                          fresh));
        end if;
    end loop;

    execute format('alter table %s enable row level security', fresh);
    execute format('alter table %s force row level security', fresh);
    for each in
        select p.policyname, p.cmd, p.qual, p.with_check,
               (select string_agg(quote_ident(r), ', ') from unnest(p.roles) as r) as of_roles
          from pg_policies p
         where p.schemaname = 'read' and p.tablename = old
           and not exists (select from pg_policies q where q.schemaname = 'read' and q.tablename = bare
                              and q.policyname = p.policyname)
    loop
        execute format('create policy %I on %s for %s to %s', each.policyname, fresh, each.cmd, each.of_roles)
             || coalesce(' using (' || each.qual || ')', '') || coalesce(' with check (' || each.with_check || ')', '');
    end loop;
    for each in
        select g.privilege_type, case when g.grantee = 0 then 'public' else quote_ident(r.rolname) end as grantee
          from pg_class c cross join aclexplode(c.relacl) g left join pg_roles r on r.oid = g.grantee
         where c.oid = shape and g.grantee <> c.relowner
    loop
        execute format('grant %s on %s to %s', each.privilege_type, fresh, each.grantee);
    end loop;
    execute format('analyze %s', fresh);
end
$$;

-- It has caught up: whoever serves the lanes feeds it from now on.
create function read.show_version_beside(of_projection text, of_version integer) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
    update read.projection p set state = 'beside', changed_at = clock_timestamp()
     where p.projection = of_projection and p.version = of_version and p.state = 'building';
    if not found then
        raise exception 'that version is not being built' using errcode = 'CFP03';
    end if;
end
$$;

-- Shows this version instead of the live one, which is fed on. Returns the one that was live.
create function read.swap_version(of_projection text, of_version integer, with_stopped_keys boolean) returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    live   integer;
    behind record;
    stopped bigint;
begin
    perform 1 from read.projection p where p.projection = of_projection for update;
    select p.version into live from read.projection p where p.projection = of_projection and p.state = 'live';
    if not exists (select from read.projection p where p.projection = of_projection and p.version = of_version
                      and p.state in ('beside', 'former')) then
        raise exception 'version % of % does not stand beside the live one', of_version, of_projection
              using errcode = 'CFP03';
    end if;

    select count(*) into stopped from read.parked k
     where k.projection = of_projection and k.version = of_version and k.discarded_at is null;
    if stopped > 0 and not with_stopped_keys then
        raise exception 'version % of % has % stopped keys: replay or discard them, or accept them', of_version,
              of_projection, stopped using errcode = 'CFP05';
    end if;

    -- One statement, one snapshot: both are fed in one transaction, so equal positions mean the same events.
    with newest as
    (
        select distinct on (c.version, c.lane) c.version, c.lane, c.seq
          from read.checkpoint c
         where c.projection = of_projection and c.version in (live, of_version)
         order by c.version, c.lane, c.step desc
    )
    select shown.lane, shown.seq - coalesce(fresh.seq, 0) as events into behind
      from newest shown
      left join newest fresh on fresh.version = of_version and fresh.lane = shown.lane
     where shown.version = live and coalesce(fresh.seq, 0) < shown.seq
     limit 1;
    if found then
        raise exception 'version % of % is % events behind in lane %', of_version, of_projection, behind.events,
              behind.lane
              using errcode = 'CFP04';
    end if;

    update read.projection p set state = 'former', changed_at = clock_timestamp()
     where p.projection = of_projection and p.version = live;
    update read.projection p set state = 'live', changed_at = clock_timestamp()
     where p.projection = of_projection and p.version = of_version;
    return live;
end
$$;

-- The end of a version that is not live. Whoever feeds it learns of it within a second or two; only then its rows go.
create function read.retire_version(of_projection text, of_version integer, why text) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
    update read.projection p set state = 'retired', changed_at = clock_timestamp(), reason = why
     where p.projection = of_projection and p.version = of_version and p.state <> 'live';
    if not found then
        raise exception 'version % of % is live, or there is none', of_version, of_projection using errcode = 'CFP03';
    end if;
    delete from read.build b where b.projection = of_projection and b.version = of_version;
end
$$;

-- The table of a retired version; only emptied if it is the shape that others are made after.
create function read.drop_version(of_projection text, of_version integer, template text) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    shape     regclass := read.own_table(of_projection, template);
    old_table regclass;
begin
    select to_regclass(p.rows_in) into old_table from read.projection p
     where p.projection = of_projection and p.version = of_version and p.state = 'retired';
    if old_table = shape then
        execute format('truncate %s', old_table);
    elsif old_table is not null then
        execute format('drop table %s', old_table);
    end if;
end
$$;

revoke execute on function read.register_projection, read.begin_version, read.finish_version, read.show_version_beside,
                           read.swap_version, read.retire_version, read.drop_version, read.own_table from public;
grant execute on function read.register_projection, read.begin_version, read.finish_version, read.show_version_beside,
                          read.swap_version, read.retire_version, read.drop_version to clientflow_projector;

-- As before (0104), and steps of a version that was retired are refused: whoever still feeds it learns that it is gone.
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

    perform 1
       from unnest(projections, versions) as held (projection, version)
       join read.projection p on p.projection = held.projection and p.version = held.version
      where p.state = 'retired';
    if found then
        raise exception 'a version of a projection was retired' using errcode = 'CFP01';
    end if;

    delete from read.checkpoint old
     using unnest(projections, versions, lanes, steps) as held (projection, version, lane, step)
     where held.step % 16 = 0 and old.projection = held.projection and old.version = held.version
       and old.lane = held.lane and old.step >= held.step - 24 and old.step < held.step - 8;
end
$$;
