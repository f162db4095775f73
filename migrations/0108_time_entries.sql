-- The read model of time entries.
set local role clientflow_owner;

create table read.time_entry
(
    tenant_id   uuid        not null,
    id          uuid        not null,
    version     bigint      not null,
    created_at  timestamptz not null,
    updated_at  timestamptz not null,
    archived_at timestamptz,
    project_id  uuid        not null,
    task_id     uuid,
    member_id   uuid,
    minutes     bigint      not null,
    spent_on    date        not null,
    note        text,
    billable    boolean     not null,
    primary key (tenant_id, id)
) with (fillfactor = 85, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_scale_factor = 0.02,
        autovacuum_analyze_threshold = 2000, autovacuum_analyze_scale_factor = 0.02,
        autovacuum_vacuum_insert_threshold = 10000);
create index time_entry_newest on read.time_entry (tenant_id, created_at desc, id);
create index time_entry_by_project on read.time_entry (tenant_id, project_id, created_at desc, id);
create index time_entry_by_task on read.time_entry (tenant_id, task_id, created_at desc, id)
    where task_id is not null;
create index time_entry_by_member on read.time_entry (tenant_id, member_id, created_at desc, id)
    where member_id is not null;
create index time_entry_by_day on read.time_entry (tenant_id, spent_on desc, id);

comment on table read.time_entry is 'Time entries as they are now.';

alter table read.time_entry enable row level security;
alter table read.time_entry force row level security;
create policy tenant_alone on read.time_entry for select to clientflow_app
    using (tenant_id = current_setting('app.tenant')::uuid);
create policy projector on read.time_entry to clientflow_projector using (true) with check (true);
grant select on read.time_entry to clientflow_app;
grant select, insert, update, delete on read.time_entry to clientflow_projector;
