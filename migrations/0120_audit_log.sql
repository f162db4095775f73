-- The read model of who did what: one narrow row per event of every noun, without a value.
--
-- Insert-only and kept as long as the log. It is also the index by tenant over the events of a lane: within a tenant
-- `seq` runs in the order of the log, and recorded_at never falls along it, so a time is found by halving. One key and
-- no other index, because every event pays for each; what happened to one thing is found by es.event's own key of
-- streams.

set local role clientflow_owner;

create table read.audit_log
(
    tenant_id    uuid        not null,
    seq          bigint      not null,
    version      bigint      not null,
    occurred_at  timestamptz not null,
    recorded_at  timestamptz not null,
    event_id     uuid        not null,
    entity_id    uuid        not null,
    lane         integer     not null,
    entity       text        collate "C" not null,
    action       text        collate "C" not null,
    actor_type   text        collate "C" not null,
    actor_id     text        collate "C",
    on_behalf_of text        collate "C",
    request_id   text        collate "C",
    primary key (tenant_id, seq)
)
with (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000,
      autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000);

comment on table read.audit_log is
    'Who did what to what, and when: a row per event. Values are in the log alone, at (lane, seq).';

alter table read.audit_log enable row level security;
alter table read.audit_log force row level security;
create policy tenant_alone on read.audit_log for select to clientflow_app
    using (tenant_id = current_setting('app.tenant')::uuid);
create policy projector on read.audit_log to clientflow_projector using (true) with check (true);
grant select on read.audit_log to clientflow_app;
-- Rows are never updated; those of another history of the log are thrown away and written again.
grant select, insert, delete on read.audit_log to clientflow_projector;
-- The comparison holds every row against its event.
grant select (tenant_id) on es.event to clientflow_projector;

select read.show('actions', 'audit_log', 1, 'read.audit_log', '{}');
