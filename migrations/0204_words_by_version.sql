-- The words of each version of a read model lie in a table of their own: a build copies them before there are keys and
-- indexes, and what is retired is dropped instead of deleted word by word. Readers and whoever feeds the versions go
-- through read.search_term, as before.

set local role clientflow_owner;

alter table read.search_term rename to search_term_before;
alter table read.search_term_before rename constraint search_term_pkey to search_term_before_pkey;
alter index read.search_term_by_word rename to search_term_before_by_word;
alter table read.search_term_before no force row level security;  -- its owner moves the rows

create table read.search_term
(
    tenant_id  uuid        not null,
    projection text        collate "C" not null,
    version    integer     not null,
    id         uuid        not null,
    term       text        collate "C" not null,
    place      smallint    not null,  -- 0: in the title, 1: in the text
    created_at timestamptz not null,  -- of the thing
    primary key (tenant_id, projection, version, id, term)
)
partition by range (projection, version);
create index search_term_by_word on read.search_term
    (tenant_id, projection, version, place, term, created_at desc, id);

comment on table read.search_term is 'The words by which things that are not archived are found.';
comment on column read.search_term.projection is 'What was found: client, project or task.';
comment on column read.search_term.version is 'Of the projection whose row it is.';
comment on column read.search_term.id is 'The thing.';
comment on column read.search_term.term is 'A word, case folded; of scripts without spaces, two neighbours.';
comment on column read.search_term.place is '0: in the title or name, 1: in the description.';
comment on column read.search_term.created_at is 'When the thing was created.';

alter table read.search_term enable row level security;
alter table read.search_term force row level security;
create policy tenant_alone on read.search_term for select to clientflow_app
    using (tenant_id = current_setting('app.tenant')::uuid);
create policy projector on read.search_term to clientflow_projector using (true) with check (true);
grant select on read.search_term to clientflow_app;
grant select, insert, update, delete on read.search_term to clientflow_projector;

-- Bare: without keys, indexes and row security, and no part of read.search_term yet. The name is the program's too.
create function read.make_term_table(of_projection text, of_version integer) returns regclass
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
    fresh text := format('read.%I', 'search_term_' || of_projection || '_v' || of_version);
begin
    execute format('create table %s (like read.search_term including storage) with (autovacuum_vacuum_threshold = 5000,'
                   ' autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_threshold = 2000,'
                   ' autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_insert_threshold = 10000)', fresh);
    return fresh::regclass;
end
$$;

-- Keys and indexes, and from then on it is a part of read.search_term. Readers notice nothing.
create function read.attach_term_table(words regclass, of_projection text, of_version integer) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
    bare text := (select c.relname from pg_class c where c.oid = words);
begin
    perform set_config('maintenance_work_mem', '128MB', true);
    execute format('alter table %s add constraint %I primary key (tenant_id, projection, version, id, term)', words,
                   bare || '_pkey');
    execute format('create index %I on %s (tenant_id, projection, version, place, term, created_at desc, id)',
                   bare || '_by_word', words);
    execute format('analyze %s', words);
    execute format('alter table read.search_term attach partition %s for values from (%L, %s) to (%L, %s)', words,
                   of_projection, of_version, of_projection, of_version + 1);
end
$$;

-- From then on nobody comes to it but through read.search_term. What is bare yet is closed before it is attached: once
-- it is a part, this waits for whoever searches.
create function read.close_term_table(words regclass) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
begin
    execute format('revoke all on %s from clientflow_projector', words);
    execute format('alter table %s enable row level security', words);
    execute format('alter table %s force row level security', words);
end
$$;

-- A place for the words of a version that is fed, where it has none.
create function read.keep_terms(of_projection text) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    each  record;
    words regclass;
begin
    for each in
        select p.version from read.projection p
         where p.projection = of_projection and p.state in ('beside', 'live', 'former')
           and to_regclass('read.search_term_' || p.projection || '_v' || p.version) is null
           for update
    loop
        -- Whoever held the lock before may have made it.
        if to_regclass('read.search_term_' || of_projection || '_v' || each.version) is null then
            words := read.make_term_table(of_projection, each.version);
            perform read.close_term_table(words);
            perform read.attach_term_table(words, of_projection, each.version);
        end if;
    end loop;
end
$$;

-- The table for the words of a version that is being built, for COPY. Again for one that a program has begun that did
-- not know of them.
create function read.begin_terms(of_projection text, of_version integer) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
    perform 1 from read.projection p
      where p.projection = of_projection and p.version = of_version and p.state = 'building' for update;
    if not found then
        raise exception 'that version is not being built' using errcode = 'CFP03';
    end if;
    if to_regclass('read.search_term_' || of_projection || '_v' || of_version) is null then
        execute format('grant select, insert, update, delete on %s to clientflow_projector',
                       read.make_term_table(of_projection, of_version));
    end if;
end
$$;

-- All its words are there.
create function read.finish_terms(of_projection text, of_version integer) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    words regclass := to_regclass('read.search_term_' || of_projection || '_v' || of_version);
begin
    perform 1 from read.projection p
      where p.projection = of_projection and p.version = of_version and p.state = 'building' for update;
    if not found then
        raise exception 'that version is not being built' using errcode = 'CFP03';
    end if;
    if not exists (select from pg_inherits i where i.inhrelid = words) then
        perform read.close_term_table(words);
        perform read.attach_term_table(words, of_projection, of_version);
    elsif not (select c.relrowsecurity from pg_class c where c.oid = words) then
        perform set_config('lock_timeout', '2s', true);  -- it was a part already when this schema came
        perform read.close_term_table(words);
    end if;
end
$$;

-- So that no autovacuum stands in the way of dropping them: it gives way to this, which readers do not notice, and does
-- not come again.
create function read.quiet_terms(of_projection text, of_version integer) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
    perform 1 from read.projection p
      where p.projection = of_projection and p.version = of_version and p.state = 'retired' for update;
    if found then
        execute format('alter table if exists read.%I set (autovacuum_enabled = off)',
                       'search_term_' || of_projection || '_v' || of_version);
    end if;
end
$$;

-- Those of a retired version. Whoever searches meanwhile is waited for, and waits.
create function read.drop_terms(of_projection text, of_version integer) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
    perform 1 from read.projection p
      where p.projection = of_projection and p.version = of_version and p.state = 'retired' for update;
    if found then
        execute format('drop table if exists read.%I', 'search_term_' || of_projection || '_v' || of_version);
    end if;
end
$$;

revoke execute on function read.make_term_table, read.attach_term_table, read.close_term_table, read.keep_terms,
                           read.begin_terms, read.finish_terms, read.quiet_terms, read.drop_terms from public;
grant execute on function read.keep_terms, read.begin_terms, read.finish_terms, read.quiet_terms, read.drop_terms
    to clientflow_projector;

-- What is there; searches and whoever feeds them wait until it is done. A version that is being built gets its place
-- at once: a program that does not know of these tables goes on through read.search_term, one that does copies into
-- them.
do $$
declare
    each  record;
    words regclass;
begin
    for each in
        select p.projection, p.version, p.state from read.projection p
         where p.projection in ('client', 'project', 'task') and p.state <> 'retired'
    loop
        words := read.make_term_table(each.projection, each.version);
        execute format('insert into %s select * from read.search_term_before t'
                       ' where t.projection = %L and t.version = %s order by t.tenant_id, t.id, t.term', words,
                       each.projection, each.version);
        perform read.attach_term_table(words, each.projection, each.version);
        if each.state = 'building' then
            execute format('grant select, insert, update, delete on %s to clientflow_projector', words);
        else
            perform read.close_term_table(words);
        end if;
    end loop;
end
$$;
drop table read.search_term_before;
