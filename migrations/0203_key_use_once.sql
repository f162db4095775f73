-- What a node counted is added once, also when the answer to the adding was lost and it is sent again.
--
-- A node numbers what it sends and sends the same again until it hears of it; the number that was added last stands
-- here, written in the same transaction. Calls come by quarters of an hour, so those of an outage stand where they
-- were made.

set local role clientflow_owner;

create table read.key_use_sent
(
    node    uuid        not null primary key,  -- one life of a process
    number  bigint      not null,
    sent_at timestamptz not null
) with (fillfactor = 50);

comment on table read.key_use_sent is 'What each node has added to the counted calls: the number of the last sending.';
comment on column read.key_use_sent.node is 'One life of a process, made up when it starts.';
comment on column read.key_use_sent.number is 'Counts up by one with each sending.';
comment on column read.key_use_sent.sent_at is 'When it was added; forgotten a week later.';

-- As the function without a number (0201), which servers of the program before go on calling. False: this sending was
-- added before, and nothing has changed. A key may come several times, with other quarters.
create function read.note_api_key_use(of_node uuid, of_number bigint, tenants uuid[], keys uuid[], calls bigint[],
                                      used_at timestamptz[]) returns boolean
    language plpgsql volatile security definer
    set search_path = pg_catalog, pg_temp as
$$
begin
    insert into read.key_use_sent as s (node, number, sent_at)
    values (of_node, of_number, now())
        on conflict (node) do update set number = excluded.number, sent_at = excluded.sent_at
     where s.number < excluded.number;
    if not found then
        return false;
    end if;

    insert into read.api_key_use as u (tenant_id, key_id, month, calls, last_used_at)
    select t, k, date_trunc('month', at at time zone 'UTC')::date, sum(n), max(at)
      from unnest(tenants, keys, calls, used_at) as given (t, k, n, at)
     group by 1, 2, 3
     order by 1, 2, 3
        on conflict (tenant_id, key_id, month)
        do update set calls = u.calls + excluded.calls, last_used_at = greatest(u.last_used_at, excluded.last_used_at);

    insert into read.usage_counter as u (tenant_id, metric, bucket, value)
    select t, 'api_calls', date_bin('15 minutes', at, 'epoch'), sum(n)
      from unnest(tenants, calls, used_at) as given (t, n, at)
     group by 1, 3
     order by 1, 3
        on conflict (tenant_id, metric, bucket) do update set value = u.value + excluded.value;
    return true;
end
$$;

-- Of nodes that have sent nothing for a week; how many they were.
create function read.forget_key_use_sent() returns integer
    language sql volatile security definer
    set search_path = pg_catalog, pg_temp as
$$
    with gone as
    (
        delete from read.key_use_sent where sent_at < now() - interval '7 days' returning node
    )
    select count(*)::integer from gone
$$;

revoke execute on function read.note_api_key_use(uuid, bigint, uuid[], uuid[], bigint[], timestamptz[]),
    read.forget_key_use_sent from public;
grant execute on function read.note_api_key_use(uuid, bigint, uuid[], uuid[], bigint[], timestamptz[]),
    read.forget_key_use_sent to clientflow_app;
