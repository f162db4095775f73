-- One read, one call: the tenant is set, the position is read, then the rows, in one round trip.
--
-- VOLATILE plpgsql: every statement inside takes its own snapshot, so the position must come first; a position read
-- after the rows could claim what they do not show. SECURITY INVOKER: the query runs under the caller's row security.

set local role clientflow_owner;

-- `body` is a query whose first column is `$2`, the position shown (lane/seq/incarnation); `$1` are the arguments. When
-- it has no rows, `nothing` is run instead, a query of the same shape with one row that holds only the position.
-- (As one UNION ALL the two cost a third more.) The position is the lowest of the projections named.
create function read.query(of_tenant uuid, projections text[], versions integer[], body text, nothing text,
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

    return query execute body using arguments, shown;
    if not found then
        return query execute nothing using arguments, shown;
    end if;
end
$$;

revoke execute on function read.query from public;
grant execute on function read.query to clientflow_app;
