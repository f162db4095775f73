-- The words by which clients, projects and tasks are found, one row per word of a thing.
--
-- Derived from the rows, and written with them. A search reads ranges of (tenant, projection, version, place, term) in
-- the order of the index, newest first: the operators of all these columns are leakproof, so the index serves also
-- under row security, and a search reads as many rows as it was bounded to, however many there are.
--
-- The rows that were folded before have no words: clients, projects and tasks are folded again from the log.

set local role clientflow_owner;

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
with (autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_scale_factor = 0.02,
      autovacuum_analyze_threshold = 2000, autovacuum_analyze_scale_factor = 0.02,
      autovacuum_vacuum_insert_threshold = 10000);
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

-- The things with a word that begins like `sought`, in one place: of each such word the newest, `rows_max` of them, and
-- of the words the first 32 in their order, which the sought word itself opens. So at most 32 times rows_max index rows
-- are read. A thing is there once, with the better of its words.
create function read.search_word(of_projection text, of_version integer, of_place smallint, sought text,
                                 rows_max integer)
    returns table (id uuid, is_whole boolean, created_at timestamptz)
language plpgsql stable rows 20
set enable_seqscan = off
set enable_bitmapscan = off
as $$
begin
    return query
    with recursive completion (term, nth) as
    (
        (select t.term, 1
           from read.search_term t
          where t.projection = of_projection and t.version = of_version and t.place = of_place
            and t.term >= sought and t.term < sought || U&'\+10FFFF'
          order by t.term
          limit 1)
        union all
        select (select t.term
                  from read.search_term t
                 where t.projection = of_projection and t.version = of_version and t.place = of_place
                   and t.term > before.term and t.term < sought || U&'\+10FFFF'
                 order by t.term
                 limit 1),
               before.nth + 1
          from completion before
         where before.term is not null and before.nth < 32
    )
    select hit.id, bool_or(word.term = sought), hit.created_at
      from completion word
     cross join lateral (select t.id, t.created_at
                           from read.search_term t
                          where t.projection = of_projection and t.version = of_version and t.place = of_place
                            and t.term = word.term
                          order by t.created_at desc, t.id
                          limit rows_max) as hit
     group by hit.id, hit.created_at
     order by 2 desc, 3 desc, 1
     limit rows_max;
end
$$;

-- The things that have every one of the words, or words that begin like them, best first: a title's word counts 100
-- when it is the sought one and 75 when it begins like it, a text's 50 and 25; of several words it is the mean.
--
-- Of one word, things found by their title come first, and the text is looked at when they are too few. Of several, the
-- rarest leads (counted up to led_max); of its things the newest, led_max of them, are looked at for the other words.
create function read.search(of_projection text, of_version integer, words text[], hits_max integer)
    returns table (id uuid, score integer, created_at timestamptz)
language plpgsql stable rows 20
set enable_seqscan = off
set enable_bitmapscan = off
as $$
declare
    led_max constant integer := 300;
    lead    text;
    titles  integer;
begin
    if cardinality(words) = 1 then
        return query
        select w.id, case when w.is_whole then 100 else 75 end, w.created_at
          from read.search_word(of_projection, of_version, 0::smallint, words[1], hits_max) as w;
        get diagnostics titles = row_count;

        if titles < hits_max then
            return query
            select w.id, case when w.is_whole then 50 else 25 end, w.created_at
              from read.search_word(of_projection, of_version, 1::smallint, words[1], titles + hits_max) as w
             where not exists (select
                                 from read.search_term t
                                where t.projection = of_projection and t.version = of_version and t.id = w.id
                                  and t.term >= words[1] and t.term < words[1] || U&'\+10FFFF' and t.place = 0)
             order by 2 desc, 3 desc, 1
             limit hits_max - titles;
        end if;
        return;
    end if;

    select word.sought into lead
      from unnest(words) with ordinality as word (sought, nth)
     cross join lateral (select count(*) as things
                           from (select
                                   from read.search_term t
                                  where t.projection = of_projection and t.version = of_version
                                    and t.place in (0, 1)
                                    and t.term >= word.sought and t.term < word.sought || U&'\+10FFFF'
                                  limit led_max) as first_ones) as counted
     order by counted.things, word.nth
     limit 1;

    return query
    with led as materialized
    (
        select w.id, w.created_at
          from unnest(array[0, 1]::smallint[]) as at (place)
         cross join lateral read.search_word(of_projection, of_version, at.place, lead, led_max) as w
         group by w.id, w.created_at
         order by w.created_at desc, w.id
         limit led_max
    )
    select led.id, (every.points / cardinality(words))::integer, led.created_at
      from led
     cross join lateral (select sum(best.points) as points, count(best.points) as words_found
                           from unnest(words) as word (sought)
                          cross join lateral (select max(case when t.term = word.sought then 100 else 75 end
                                                         - t.place * 50) as points
                                                from read.search_term t
                                               where t.projection = of_projection and t.version = of_version
                                                 and t.id = led.id and t.term >= word.sought
                                                 and t.term < word.sought || U&'\+10FFFF') as best) as every
     where every.words_found = cardinality(words)
     order by 2 desc, 3 desc, 1
     limit hits_max;
end
$$;

revoke execute on function read.search_word, read.search from public;
grant execute on function read.search_word, read.search to clientflow_app;

-- Of client, project and task everything is folded again. The owner sees no tenant's rows while row security is forced.
alter table read.sum no force row level security;
alter table read.parked no force row level security;
truncate read.client, read.project, read.task;
delete from read.sum where split_part(counter, '.', 1) in ('client', 'project', 'task');
delete from read.parked where projection in ('client', 'project', 'task');
delete from read.checkpoint where projection in ('client', 'project', 'task');
alter table read.parked force row level security;
alter table read.sum force row level security;
