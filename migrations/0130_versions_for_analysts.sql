-- What analysts see of a read model follows its live version.
set local role clientflow_owner;

-- Needs the views for a moment alone: set lock_timeout and try again, for an analyst may have a long query on one.
create function read.show_live_version(of_projection text) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    each record;
begin
    for each in
        select v.name, p.version, p.rows_in
          from read.analyst_view v
          join read.projection p on p.projection = v.projection and p.state = 'live'
         where v.projection = of_projection and v.of_table <> p.rows_in
    loop
        perform read.show(each.name, of_projection, each.version, each.rows_in::regclass);
    end loop;
end
$$;

revoke execute on function read.show_live_version from public;
grant execute on function read.show_live_version to clientflow_projector;
