-- Pages of lists are prepared in a session that plans once and reads along the indexes of their orders; what goes
-- through read.ask is planned for its values, whatever the session says.
set local role clientflow_owner;

alter function read.ask(uuid, text[], text, text, text[]) set plan_cache_mode = auto;
alter function read.ask(uuid, text[], text, text, text[]) set enable_sort = on;
alter function read.ask(uuid, text[], text, text, text[]) set enable_seqscan = on;
