-- Nobody reads a version while it is built, and a vacuum of it meanwhile gives way to its indexes: there is none until
-- it stands beside the live one.
set local role clientflow_owner;

-- As before (0132), and quiet.
create or replace function read.begin_version(of_projection text, of_definition integer, of_digest text, template text)
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
    execute format('alter table %s set (autovacuum_enabled = off)', fresh_table);
    perform read.copy_notes(shape, fresh_table::regclass);
    execute format('grant select, insert, update, delete on %s to clientflow_projector', fresh_table);
    return query select fresh, fresh_table;
end
$$;

-- As before (0204), and quiet.
create or replace function read.begin_terms(of_projection text, of_version integer) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    words regclass;
begin
    perform 1 from read.projection p
      where p.projection = of_projection and p.version = of_version and p.state = 'building' for update;
    if not found then
        raise exception 'that version is not being built' using errcode = 'CFP03';
    end if;
    if to_regclass('read.search_term_' || of_projection || '_v' || of_version) is null then
        words := read.make_term_table(of_projection, of_version);
        execute format('alter table %s set (autovacuum_enabled = off)', words);
        execute format('grant select, insert, update, delete on %s to clientflow_projector', words);
    end if;
end
$$;

-- It has caught up: whoever serves the lanes feeds it from now on.
create or replace function read.show_version_beside(of_projection text, of_version integer) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    rows_in text;
begin
    update read.projection p set state = 'beside', changed_at = clock_timestamp()
     where p.projection = of_projection and p.version = of_version and p.state = 'building'
    returning p.rows_in into rows_in;
    if not found then
        raise exception 'that version is not being built' using errcode = 'CFP03';
    end if;
    execute format('alter table %s reset (autovacuum_enabled)', rows_in);
    execute format('alter table if exists read.%I reset (autovacuum_enabled)',
                   'search_term_' || of_projection || '_v' || of_version);
end
$$;
