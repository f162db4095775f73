-- The read models of the first nouns: one table each, one column per member in GET's shape, the tenant first in every
-- key. A test holds the columns against the field rows of the items. created_at, updated_at and all other times are
-- when something happened (occurred_at), not when it was recorded.
--
-- Indexes: the default order of lists (newest first, ties by id) and the parents that lists are asked for. Columns that
-- change with every event (updated_at, version, status) carry none, so that most updates stay heap-only.

set local role clientflow_owner;

create table read.org
(
    tenant_id    uuid        not null,
    id           uuid        not null,
    version      bigint      not null,
    created_at   timestamptz not null,
    updated_at   timestamptz not null,
    archived_at  timestamptz,
    slug         text        not null,
    name         text        not null,
    plan         text        not null,
    time_zone    text        not null,
    currency     text        not null,
    brand_colour text,
    suspended_at timestamptz,
    primary key (tenant_id, id)
) with (fillfactor = 85);

create table read.member
(
    tenant_id   uuid        not null,
    id          uuid        not null,
    version     bigint      not null,
    created_at  timestamptz not null,
    updated_at  timestamptz not null,
    archived_at timestamptz,
    email       text,
    name        text,
    role        text        not null,
    type        text        not null,
    primary key (tenant_id, id)
) with (fillfactor = 85);
create index member_newest on read.member (tenant_id, created_at desc, id);

create table read.api_key
(
    tenant_id           uuid        not null,
    id                  uuid        not null,
    version             bigint      not null,
    created_at          timestamptz not null,
    updated_at          timestamptz not null,
    archived_at         timestamptz,
    name                text        not null,
    scopes              text[]      not null,
    expires_in_days     integer,
    expires_at          timestamptz,
    member_id           uuid,
    prefix              text        not null,
    requests_per_minute bigint,
    primary key (tenant_id, id)
) with (fillfactor = 85);

create table read.client
(
    tenant_id   uuid        not null,
    id          uuid        not null,
    version     bigint      not null,
    created_at  timestamptz not null,
    updated_at  timestamptz not null,
    archived_at timestamptz,
    name        text        not null,
    email       text,
    phone       text,
    notes       text,
    primary key (tenant_id, id)
) with (fillfactor = 85);
create index client_newest on read.client (tenant_id, created_at desc, id);

create table read.project
(
    tenant_id           uuid        not null,
    id                  uuid        not null,
    version             bigint      not null,
    created_at          timestamptz not null,
    updated_at          timestamptz not null,
    archived_at         timestamptz,
    name                text        not null,
    client_id           uuid,
    description         text,
    status              text        not null,
    budget_amount_minor bigint,
    budget_currency     text,
    starts_on           date,
    due_on              date,
    member_ids          uuid[]      not null,
    primary key (tenant_id, id)
) with (fillfactor = 85);
create index project_newest on read.project (tenant_id, created_at desc, id);
create index project_by_client on read.project (tenant_id, client_id, created_at desc, id);

create table read.task
(
    tenant_id        uuid        not null,
    id               uuid        not null,
    version          bigint      not null,
    created_at       timestamptz not null,
    updated_at       timestamptz not null,
    archived_at      timestamptz,
    project_id       uuid        not null,
    title            text        not null,
    description      text,
    status           text        not null,
    priority         text        not null,
    due_on           date,
    assignee_ids     uuid[]      not null,
    estimate_minutes bigint,
    labels           text[]      not null,
    parent_id        uuid,
    completed_at     timestamptz,
    primary key (tenant_id, id)
) with (fillfactor = 85);
create index task_newest on read.task (tenant_id, created_at desc, id);
create index task_by_project on read.task (tenant_id, project_id, created_at desc, id);

create table read.comment
(
    tenant_id   uuid        not null,
    id          uuid        not null,
    version     bigint      not null,
    created_at  timestamptz not null,
    updated_at  timestamptz not null,
    archived_at timestamptz,
    task_id     uuid        not null,
    body        text        not null,
    mention_ids uuid[]      not null,
    author_id   uuid,
    primary key (tenant_id, id)
) with (fillfactor = 85);
create index comment_by_task on read.comment (tenant_id, task_id, created_at desc, id);

comment on table read.org is 'Organisations (tenants) as they are now.';
comment on table read.member is 'Members as they are now; archived_at is when one was removed.';
comment on table read.api_key is 'API keys without their secrets; archived_at is when one was revoked.';
comment on table read.client is 'Clients as they are now.';
comment on table read.project is 'Projects as they are now.';
comment on table read.task is 'Tasks as they are now.';
comment on table read.comment is 'Comments on tasks as they are now.';

do $$
declare
    of_table text;
begin
    foreach of_table in array array['org', 'member', 'api_key', 'client', 'project', 'task', 'comment'] loop
        execute format('alter table read.%I enable row level security', of_table);
        execute format('alter table read.%I force row level security', of_table);
        execute format('create policy tenant_alone on read.%I for select to clientflow_app
                            using (tenant_id = current_setting(''app.tenant'')::uuid)', of_table);
        execute format('create policy projector on read.%I to clientflow_projector using (true) with check (true)',
                       of_table);
        execute format('grant select on read.%I to clientflow_app', of_table);
        execute format('grant select, insert, update, delete on read.%I to clientflow_projector', of_table);
        -- Plans flip with stale statistics long before the default fractions of a big table are reached.
        execute format('alter table read.%I set (autovacuum_vacuum_threshold = 5000,
                            autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_threshold = 2000,
                            autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_insert_threshold = 10000)',
                       of_table);
    end loop;
end
$$;
