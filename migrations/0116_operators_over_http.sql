-- What /api/admin shows, it reads as the projector: positions beside the log's heads, and what kind of event a key
-- stopped at. Never what an event holds.
set local role clientflow_owner;

grant select (recorded_at, type, schema_version, version) on es.event to clientflow_projector;
grant select on es.lane to clientflow_projector;
