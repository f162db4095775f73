-- The event log and all that is written together with it, in one transaction under the locks of its lanes.
set local role clientflow_owner;

-- Lanes are independent, gapless, commit-ordered logs. New ones may be added; they only ever take new tenants.
create table es.lane
(
    lane int primary key check (lane >= 0)
);
insert into es.lane select generate_series(0, 15);

-- The only truth. Names are compared byte by byte; `data` and `meta` keep their exact bytes.
create table es.event
(
    lane           int not null,
    schema_version int not null,
    seq            bigint not null check (seq > 0),
    version        bigint not null check (version > 0),
    recorded_at    timestamptz not null,
    event_id       uuid not null,
    tenant_id      uuid not null,
    stream_id      uuid not null,
    category       text collate "C" not null,
    type           text collate "C" not null,
    data           json not null,
    meta           json not null,
    constraint event_pk primary key (lane, seq),
    constraint event_stream unique (tenant_id, category, stream_id, version)
)
with (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000,
      autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000);

-- Where a tenant lives: chosen at its birth, never recomputed.
create table es.tenant
(
    tenant_id   uuid primary key,
    lane        int not null references es.lane,
    wrapped_key bytea not null,  -- the tenant's key under the master key
    born_at     timestamptz not null default clock_timestamp()
);
create index tenant_lane on es.tenant (lane);
-- The platform's own streams and claims; its keys come from the master key directly.
insert into es.tenant (tenant_id, lane, wrapped_key) values ('00000000-0000-0000-0000-000000000000', 0, '');

-- What became of a round. Written with its events, or as void by a caller that lost its connection: the primary key
-- lets only one of the two happen. Verdicts are null when every command was appended.
create table es.round
(
    id          uuid primary key,
    is_void     boolean not null,
    lanes       int[] not null,
    heads       bigint[] not null,  -- per lane: the last seq before the round
    kinds       smallint[],
    scopes      text[],
    limits      bigint[],
    used        bigint[],
    lasts       bigint[],
    recorded_at timestamptz not null
)
with (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000,
      autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
      autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000);

-- Answered idempotency keys. No body and no secret: an answer is rendered again from the stream at that version.
create table es.receipt
(
    tenant_id       uuid not null,
    key             text collate "C" not null,
    kept_as         smallint not null,  -- 1: a client's, 2: a job's
    status          smallint not null,
    version         bigint not null,
    recorded_at     timestamptz not null,
    stream_id       uuid not null,
    shown_tenant_id uuid,               -- null: tenant_id
    category        text collate "C" not null,
    principal       text collate "C" not null,
    fingerprint     bytea not null,
    constraint receipt_pk primary key (tenant_id, key)
)
with (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000,
      autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
      autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000);

-- Unique values: keyed hashes, and the stream that holds each.
create table es.claim
(
    tenant_id       uuid not null,  -- the platform's for platform-wide scopes
    scope           text collate "C" not null,
    hash            bytea not null,
    owner_tenant_id uuid not null,
    owner_category  text collate "C" not null,
    owner_id        uuid not null,
    constraint claim_pk primary key (tenant_id, scope, hash)
)
with (autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000);
create index claim_owner on es.claim (owner_tenant_id, owner_category, owner_id);

-- Running totals, only ever inserted: the newest row counts, older ones are pruned behind. A row updated in place would
-- slow down tenfold under any transaction held open.
create table es.quota
(
    tenant_id uuid not null,
    metric    text collate "C" not null,
    n         bigint not null,
    total     bigint not null,
    constraint quota_pk primary key (tenant_id, metric, n)
)
with (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 50000,
      autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000,
      autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000);

-- The keys of personal values, wrapped by the tenant's key. A forgotten subject keeps a row without a key.
create table es.subject_key
(
    tenant_id  uuid not null,
    subject_id uuid not null,
    version    int not null,
    wrapped    bytea,
    constraint subject_key_pk primary key (tenant_id, subject_id, version)
)
with (autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000);

-- History is not edited, by nobody.
create function es.refuse_change() returns trigger language plpgsql as
$$
begin
    raise exception using errcode = 'CF009', message = format('%s on es.%s is refused: the log is immutable',
                                                              tg_op, tg_table_name);
end
$$;
create trigger event_is_immutable before update or delete on es.event
    for each row execute function es.refuse_change();
create trigger event_is_not_truncated before truncate on es.event
    for each statement execute function es.refuse_change();
create trigger tenant_keeps_its_lane before delete or update of tenant_id, lane on es.tenant
    for each row execute function es.refuse_change();
create trigger tenant_is_not_truncated before truncate on es.tenant
    for each statement execute function es.refuse_change();
alter table es.event enable always trigger event_is_immutable;
alter table es.event enable always trigger event_is_not_truncated;
alter table es.tenant enable always trigger tenant_keeps_its_lane;
alter table es.tenant enable always trigger tenant_is_not_truncated;

grant select on es.lane, es.event, es.tenant, es.round, es.receipt, es.claim, es.quota, es.subject_key
    to clientflow_app;
grant select on es.lane, es.event, es.round, es.receipt, es.claim, es.quota to clientflow_operator;
grant select (tenant_id, lane, born_at) on es.tenant to clientflow_operator;
