-- read.ask without planning its own look-ups each time.
--
-- PostgreSQL plans a statement of a function anew for its values as long as that looks cheaper, and planning these few
-- look-ups by key costs several times what running them does. They are a function of their own, whose plans do not
-- depend on values; what is asked is planned for its values as before, because organisations differ in size.
set local role clientflow_owner;

create type read.live_version as
(
    name        text,
    version     integer,
    rows_in     text,
    lane        integer,
    seq         bigint,
    incarnation text,
    is_stopped  boolean
);
comment on type read.live_version is
    'How a read model shows one tenant: its live version, and how far that shows the lane.';

-- Of each read model that is named. An array, since calling for one is no statement that would be planned.
create function read.live_versions(of_tenant uuid, projections text[]) returns read.live_version[]
language plpgsql stable
set plan_cache_mode = force_generic_plan
as $$
begin
    return (
        select array_agg(row(asked.name, coalesce(p.version, 1), coalesce(p.rows_in, 'read.' || asked.name), home.lane,
                             coalesce(c.seq, 0), coalesce(c.incarnation, ''),
                             exists (select from read.parked stopped
                                      where stopped.tenant_id = of_tenant and stopped.projection = asked.name
                                        and stopped.version = coalesce(p.version, 1)
                                        and stopped.discarded_at is null))::read.live_version)
          from unnest(projections) as asked (name)
          left join es.tenant home on home.tenant_id = of_tenant
          left join read.projection p on p.projection = asked.name and p.state = 'live'
          left join lateral (select k.seq, k.incarnation
                               from read.checkpoint k
                              where k.projection = asked.name and k.version = coalesce(p.version, 1)
                                and k.lane = home.lane
                              order by k.step desc
                              limit 1) as c on true);
end
$$;

create or replace function read.ask(of_tenant uuid, projections text[], body text, nothing text, arguments text[])
    returns setof record
language plpgsql volatile as $$
declare
    each   read.live_version;
    lowest bigint;
    place  text;
    is_stopped boolean := false;
begin
    perform set_config('app.tenant', of_tenant::text, true);

    foreach each in array read.live_versions(of_tenant, projections)
    loop
        body := replace(replace(body, '{' || each.name || '}', each.rows_in),
                        '{' || each.name || '.version}', each.version::text);
        nothing := replace(replace(nothing, '{' || each.name || '}', each.rows_in),
                           '{' || each.name || '.version}', each.version::text);
        is_stopped := is_stopped or each.is_stopped;
        if lowest is null or each.seq < lowest then
            lowest := each.seq;
            place := each.lane || '/' || each.seq || '/' || each.incarnation;
        end if;
    end loop;
    if is_stopped then
        place := place || '/parked';
    end if;

    return query execute body using arguments, place;
    if not found then
        return query execute nothing using arguments, place;
    end if;
end
$$;

revoke execute on function read.live_versions from public;
grant execute on function read.live_versions to clientflow_app;
