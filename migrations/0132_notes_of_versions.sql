-- A version of a read model is explained in the database as its definition's own table is, and so is the view that
-- analysts see it in: comments are no part of what `like` copies unless it is told so.
set local role clientflow_owner;

-- The comments of one table on another one of the same columns.
create function read.copy_notes(source regclass, target regclass) returns void
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
    each record;
begin
    execute format('comment on table %s is %L', target, obj_description(source, 'pg_class'));
    for each in
        select a.attname, col_description(source, a.attnum) as note
          from pg_attribute a
          join pg_attribute there on there.attrelid = target and there.attname = a.attname and not there.attisdropped
         where a.attrelid = source and a.attnum > 0 and not a.attisdropped
    loop
        execute format('comment on column %s.%I is %L', target, each.attname, each.note);
    end loop;
end
$$;
revoke execute on function read.copy_notes from public;

-- As before (0110), with the comments.
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
    perform read.copy_notes(shape, fresh_table::regclass);
    execute format('grant select, insert, update, delete on %s to clientflow_projector', fresh_table);
    return query select fresh, fresh_table;
end
$$;

-- What was made before: tables from the read model's first one, then the views from theirs.
do $$
declare
    each record;
begin
    for each in
        select to_regclass('read.' || quote_ident(p.projection)) as source, to_regclass(p.rows_in) as target
          from read.projection p
         where p.state in ('beside', 'live', 'former')  -- one that is being made is locked, perhaps for long
    loop
        if each.source <> each.target then
            perform read.copy_notes(each.source, each.target);
        end if;
    end loop;
    perform read.copy_comments(v.name) from read.analyst_view v;
end
$$;
