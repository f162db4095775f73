-- Why a key was stopped, as a stable word, and the end of those that an operator gives up.
set local role clientflow_owner;

-- kind: cannot_decode, unknown_type, fold_threw, refused_by_store; more may come.
alter table read.parked
    add column kind         text collate "C" not null default 'fold_threw',
    add column discarded_at timestamptz,
    add column reason       text,
    add constraint discarded_for_a_reason check ((discarded_at is null) = (reason is null));

comment on column read.parked.kind is 'What stopped the key, as a stable word.';
comment on column read.parked.discarded_at is
    'Since when an operator does without this key: reads are not stale for it.';
comment on column read.parked.reason is 'Why it was discarded.';

-- As before (0103), but a discarded key makes no answer stale.
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
                where stopped.tenant_id = of_tenant and stopped.discarded_at is null) then
        shown := shown || '/parked';
    end if;

    return query execute body using arguments, shown;
    if not found then
        return query execute nothing using arguments, shown;
    end if;
end
$$;
