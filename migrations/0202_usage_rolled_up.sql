-- Metered usage of months that are over takes few rows.
--
-- Quarters of an hour are kept because every zone's months are made of them. But a zone is at most 16 hours from UTC:
-- all of a month but its first and last 16 hours lies in the same month in every zone, also in one that the
-- organisation takes later. So it is summed into one row in its middle, and no figure of any month changes. Of 2,976
-- quarters 129 rows are left. Rows that come late for such a month (a server that was cut off) stand beside it until
-- they are summed, too.

set local role clientflow_owner;

-- What is still to be summed, the oldest first; what was summed and the edges of months are not in it.
create index usage_counter_by_quarter on read.usage_counter (bucket)
    where bucket at time zone 'UTC' >= date_trunc('month', bucket at time zone 'UTC') + interval '16 hours'
      and bucket at time zone 'UTC'
          < date_trunc('month', bucket at time zone 'UTC') + interval '1 month' - interval '16 hours'
      and bucket at time zone 'UTC' <> date_trunc('month', bucket at time zone 'UTC') + interval '14 days';

comment on table read.usage_counter is
    'What is metered and is no row: calls of the API, by quarters of an hour (UTC); of months that are over, what lies'
    ' in them in every zone is one row.';
comment on column read.usage_counter.bucket is
    'The first moment of the quarter of an hour, or the middle of a month that is over (UTC).';

-- One bounded step, which is one statement and so all of it or nothing: sums the oldest rows of months that ended three
-- days ago or earlier, and answers how many they were. Rows that somebody is just adding to are left for the next step.
create function read.roll_up_usage(at_most integer) returns integer
    language sql volatile security definer
    set search_path = pg_catalog, pg_temp
    set enable_seqscan = off
    set enable_bitmapscan = off as
$$
    with due as materialized
    (
        select u.tenant_id, u.metric, u.bucket
          from read.usage_counter u
         where u.bucket at time zone 'UTC' >= date_trunc('month', u.bucket at time zone 'UTC') + interval '16 hours'
           and u.bucket at time zone 'UTC'
               < date_trunc('month', u.bucket at time zone 'UTC') + interval '1 month' - interval '16 hours'
           and u.bucket at time zone 'UTC' <> date_trunc('month', u.bucket at time zone 'UTC') + interval '14 days'
           and u.bucket < date_trunc('month', now() at time zone 'UTC' - interval '3 days') at time zone 'UTC'
         order by u.bucket
         limit at_most
           for update skip locked
    ),
    gone as
    (
        delete from read.usage_counter u
         using due
         where u.tenant_id = due.tenant_id and u.metric = due.metric and u.bucket = due.bucket
        returning u.tenant_id, u.metric, u.bucket, u.value
    ),
    summed as
    (
        insert into read.usage_counter as u (tenant_id, metric, bucket, value)
        select g.tenant_id, g.metric,
               (date_trunc('month', g.bucket at time zone 'UTC') + interval '14 days') at time zone 'UTC' as middle,
               sum(g.value)
          from gone g
         group by 1, 2, 3
         order by 1, 2, 3
            on conflict (tenant_id, metric, bucket) do update set value = u.value + excluded.value
    )
    select count(*)::integer from gone
$$;

revoke execute on function read.roll_up_usage from public;
grant execute on function read.roll_up_usage to clientflow_app;
