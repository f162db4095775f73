-- Whoever reads learns whether a key of the tenant is stopped in what is shown: such an answer is stale.

set local role clientflow_owner;

-- As before (0102), and behind the position: `/parked` when one of the projections named has stopped at a key of the
-- tenant. Asked after the position, so that a position that left a key behind never comes without the mark.
create or replace function read.query(of_tenant uuid, projections text[], versions integer[], body text, nothing text,
                                      arguments text[])
    returns setof record
language plpgsql volatile as $$
declare
    home  integer;
    shown text;
begin
    perform set_config('app.tenant', of_tenant::text, true);

    select tenant.lane into home from es.tenant tenant where tenant.tenant_id = of_tenant;

    select home || '/' || coalesce(place.seq, 0) || '/' || coalesce(place.incarnation, '')
      into shown
      from unnest(projections, versions) as asked (projection, version)
      left join lateral (select c.seq, c.incarnation
                           from read.checkpoint c
                          where c.projection = asked.projection and c.version = asked.version and c.lane = home
                          order by c.step desc
                          limit 1) as place on true
     order by coalesce(place.seq, 0)
     limit 1;

    if exists (select
                 from read.parked stopped
                 join unnest(projections, versions) as asked (projection, version)
                      on stopped.projection = asked.projection and stopped.version = asked.version
                where stopped.tenant_id = of_tenant) then
        shown := shown || '/parked';
    end if;

    return query execute body using arguments, shown;
    if not found then
        return query execute nothing using arguments, shown;
    end if;
end
$$;
