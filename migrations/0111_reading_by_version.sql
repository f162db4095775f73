-- One read of whichever version is live.
--
-- As read.query, but the caller names read models, not versions: in `body` and `nothing`, {task} stands for the table
-- of the live version of the read model task, and {task.version} for its number. The texts are the product's own; what
-- comes from outside travels in `arguments`.
set local role clientflow_owner;

create function read.ask(of_tenant uuid, projections text[], body text, nothing text, arguments text[])
    returns setof record
language plpgsql volatile as $$
declare
    home   integer;
    each   record;
    lowest bigint;
    place  text;
    is_stopped boolean := false;
begin
    perform set_config('app.tenant', of_tenant::text, true);

    select tenant.lane into home from es.tenant tenant where tenant.tenant_id = of_tenant;

    for each in
        select asked.name, coalesce(p.version, 1) as version, coalesce(p.rows_in, 'read.' || asked.name) as rows_in,
               coalesce(c.seq, 0) as seq, coalesce(c.incarnation, '') as incarnation,
               exists (select from read.parked stopped
                        where stopped.tenant_id = of_tenant and stopped.projection = asked.name
                          and stopped.version = coalesce(p.version, 1) and stopped.discarded_at is null) as is_stopped
          from unnest(projections) as asked (name)
          left join read.projection p on p.projection = asked.name and p.state = 'live'
          left join lateral (select k.seq, k.incarnation
                               from read.checkpoint k
                              where k.projection = asked.name and k.version = coalesce(p.version, 1) and k.lane = home
                              order by k.step desc
                              limit 1) as c on true
    loop
        body := replace(replace(body, '{' || each.name || '}', each.rows_in),
                        '{' || each.name || '.version}', each.version::text);
        nothing := replace(replace(nothing, '{' || each.name || '}', each.rows_in),
                           '{' || each.name || '.version}', each.version::text);
        is_stopped := is_stopped or each.is_stopped;
        if lowest is null or each.seq < lowest then
            lowest := each.seq;
            place := home || '/' || each.seq || '/' || each.incarnation;
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

-- How far the live versions of these read models show each lane, where all of them have begun.
create function read.shown_up_to(projections text[], lanes integer[]) returns table (lane integer, seq bigint)
language sql stable as $$
    select of_lane.lane, min(c.seq)
      from unnest(lanes) as of_lane (lane)
     cross join unnest(projections) as asked (name)
      left join read.projection p on p.projection = asked.name and p.state = 'live'
      left join lateral (select k.seq
                           from read.checkpoint k
                          where k.projection = asked.name and k.version = coalesce(p.version, 1)
                            and k.lane = of_lane.lane
                          order by k.step desc
                          limit 1) as c on true
     group by of_lane.lane
    having count(*) = count(c.seq)
$$;

revoke execute on function read.ask, read.shown_up_to from public;
grant execute on function read.ask to clientflow_app;
grant execute on function read.shown_up_to to clientflow_projector;
