// See settings.hpp. The table binds; settings_sources.cpp reads.
#include "tools/clientflow/settings.hpp"

#include <algorithm>
#include <charconv>
#include <concepts>
#include <limits>
#include <optional>
#include <vector>

namespace cli
{
namespace
{
template <std::integral T>
bool read_integer(std::string_view text, T& into)
{
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < T{0})
        return false;
    into = value;
    return true;
}

std::string printed_blocks(const std::vector<http::address_block>& blocks)
{
    std::string text;
    for (const http::address_block& each : blocks)
        text.append(text.empty() ? "" : ",").append(http::text_of(each));
    return text;
}

// Parted by commas; blanks around them are nothing. Nothing: one of them is no block.
std::optional<std::vector<http::address_block>> read_blocks(std::string_view text)
{
    std::vector<http::address_block> made;
    while (!text.empty())
    {
        auto one = text.substr(0, text.find(','));
        text.remove_prefix(std::min(one.size() + 1, text.size()));
        one.remove_prefix(std::min(one.find_first_not_of(' '), one.size()));
        one = one.substr(0, one.find_last_not_of(' ') + 1);
        if (one.empty())
            continue;
        const auto block = http::read_block(one);
        if (!block)
            return std::nullopt;
        made.push_back(*block);
    }
    return made;
}

template <std::integral T>
std::string integers()
{
    if constexpr (sizeof(T) < sizeof(std::int64_t))
        return "an integer from 0 to " + std::to_string(std::numeric_limits<T>::max());
    return "an integer of 0 or more";
}

class table
{
public:
    explicit table(std::vector<setting>& rows) : rows_(rows) {}

    void section(std::string name) { section_ = std::move(name); }

    void add(std::string name, std::string& at, std::string note, bool secret = false)
    {
        row(
            std::move(name), "", std::move(note), "text", [&at] { return at; },
            [&at](std::string_view text) {
                at = std::string{text};
                return true;
            });
        rows_.back().secret = secret;
    }

    void add(std::string name, std::filesystem::path& at, std::string note)
    {
        row(
            std::move(name), "", std::move(note), "a path", [&at] { return at.string(); },
            [&at](std::string_view text) {
                at = std::filesystem::path{text};
                return true;
            });
    }

    template <std::integral T>
    void add(std::string name, std::string unit, T& at, std::string note)
    {
        row(
            std::move(name), std::move(unit), std::move(note), integers<T>(), [&at] { return std::to_string(at); },
            [&at](std::string_view text) { return read_integer(text, at); });
    }

    void add(std::string name, std::chrono::milliseconds& at, std::string note)
    {
        row(
            std::move(name), "ms", std::move(note), "an integer of 0 or more",
            [&at] { return std::to_string(at.count()); },
            [&at](std::string_view text) {
                std::int64_t count = 0;
                if (!read_integer(text, count))
                    return false;
                at = std::chrono::milliseconds{count};
                return true;
            });
    }

    void one_of(std::string name, std::string& at, std::vector<std::string> allowed, std::string note)
    {
        std::string kind = "one of";
        for (const auto& each : allowed)
            kind += ' ' + each;
        row(
            std::move(name), "", std::move(note), kind, [&at] { return at; },
            [&at, allowed = std::move(allowed)](std::string_view text) {
                for (const auto& each : allowed)
                    if (each == text)
                    {
                        at = each;
                        return true;
                    }
                return false;
            });
    }

    void add(std::string name, std::vector<http::address_block>& at, std::string note)
    {
        row(
            std::move(name), "", std::move(note), "a list of addresses and blocks: 10.0.0.0/8,2001:db8::1",
            [&at] { return printed_blocks(at); },
            [&at](std::string_view text) {
                auto blocks = read_blocks(text);
                if (blocks)
                    at = std::move(*blocks);
                return blocks.has_value();
            });
    }

private:
    void row(std::string name, std::string unit, std::string note, std::string kind, std::function<std::string()> print,
             std::function<bool(std::string_view)> set)
    {
        setting made;
        made.name = section_.empty() ? std::move(name) : section_ + '.' + name;
        made.unit = std::move(unit);
        made.note = std::move(note);
        made.kind = std::move(kind);
        made.print = std::move(print);
        made.set = std::move(set);
        rows_.push_back(std::move(made));
    }

    std::vector<setting>& rows_;
    std::string section_;
};

void store_rows(table& to, settings& of)
{
    to.section("store");
    to.add("dsn", of.store.dsn, "what the server logs in as: libpq's form, role clientflow_app", true);
    to.add("admin_dsn", of.admin_dsn, "for migrate, doctor and bench; empty: dsn", true);
    to.add("append_deadline_ms", of.store.append_deadline, "one round of commands, settling included");
    to.add("read_deadline_ms", of.store.read_deadline, "one read of the log");
    to.add("lock_timeout_ms", of.store.lock_timeout, "waiting for a lane");
    to.section("keys");
    to.add("master_key_file", of.keys.master_key_file, "64 hex digits, mode 0600; relative to the data directory");
    to.add("cached_keys_max", "keys", of.keys.cached_keys_max, "subjects' and tenants' keys kept in memory");
}

void writer_rows(table& to, settings& of)
{
    to.section("writers");
    to.add("writers", "writers", of.writers.writers, "each with two threads and connections, and a share of the lanes");
    to.add("round_commands_max", "commands", of.writers.round_commands_max, "in one append");
    to.add("round_bytes_max", "bytes", of.writers.round_bytes_max, "in one append");
    to.add("queue_commands_max", "commands", of.writers.queue_commands_max,
           "waiting per writer, of one tenant no more than it leaves free; beyond: 503 busy");
    to.add("queue_bytes_max", "bytes", of.writers.queue_bytes_max,
           "waiting per writer, of one tenant no more than it leaves free; beyond: 503 busy");
    to.add("cache_bytes_max", "bytes", of.writers.cache_bytes_max, "aggregates kept per writer");
    to.add("attempts_max", "attempts", of.writers.attempts_max, "lost races before 409 conflict");
    to.section("snapshots");
    to.add("every", "events", of.snapshots.every, "of a stream from one snapshot to the next; 0: none are used");
    to.add("bytes_max", "bytes", of.snapshots.bytes_max, "on disk, in DATA/cache/snapshots");
    to.add("state_bytes_max", "bytes", of.snapshots.state_bytes_max, "of one snapshot; a larger one is not kept");
    to.section("feed");
    to.add("batch_events_max", "events", of.feed.batch_events_max, "per lane and read");
    to.add("batch_bytes_max", "bytes", of.feed.batch_bytes_max, "per read");
    to.add("poll_min_ms", of.feed.poll_min, "jittered poll, the truth behind every wake-up");
    to.add("poll_max_ms", of.feed.poll_max, "jittered poll, the truth behind every wake-up");
    to.add("read_deadline_ms", of.feed.read_deadline, "one read");
}

void housekeeping_rows(table& to, event_log::housekeeper_config& of)
{
    to.section("housekeeping");
    to.add("first_after_ms", of.first_after, "from the start to the first sweep");
    to.add("every_ms", of.every, "from one sweep of receipts, rounds and running totals to the next");
    to.add("step_apart_ms", of.step_apart, "between two steps of a sweep");
    to.add("again_after_ms", of.again_after, "a sweep that failed");
    to.add("step_deadline_ms", of.step_deadline, "one step of a sweep");
    to.add("client_receipts_hours", "h", of.client_receipts_hours, "idempotency keys are kept; below 24 refused");
}

void audit_rows(table& to, audit_config& of)
{
    to.section("audit");
    to.add("first_after_ms", of.first_after, "from the start to the first pass of the auditor");
    to.add("every_ms", of.every, "from the end of one pass to the next");
    to.add("share_percent", "%", of.share_percent, "of the time that it works, PostgreSQL's included; 0: never");
}

void operator_rows(table& to, admin_work_config& of)
{
    to.section("operators");
    to.add("looking_time_max_ms", of.looking_time_max, "of an audit or a comparison begun over HTTP; then it is ended");
    to.add("reading_time_max_ms", of.reading_time_max, "of a command that a request waits for; then 503 busy");
    to.add("answer_bytes_max", "bytes", of.answer_bytes_max, "of a command run over HTTP; beyond: a problem instead");
    to.add("errors_bytes_max", "bytes", of.errors_bytes_max, "of what such a command says beside; the last is kept");
}

void listener_rows(table& to, http::listener_config& of)
{
    to.add("address", of.address, "to listen on");
    to.add("port", "", of.port, "to listen on; 0: any free one");
    to.add("shards", "threads", of.shards, "nothing is shared between them");
    to.add("header_bytes_max", "bytes", of.header_bytes_max, "request line and fields; beyond: 431");
    to.add("header_fields_max", "fields", of.header_fields_max, "beyond: 431");
    to.add("uri_bytes_max", "bytes", of.uri_bytes_max, "beyond: 414");
    to.add("header_time_max_ms", of.header_time_max, "from the first byte, absolute; beyond: 408");
    to.add("body_bytes_max", "bytes", of.body_bytes_max, "unless the route says otherwise; beyond: 413");
    to.add("body_time_grace_ms", of.body_time_grace, "before the body's minimum rate is asked for");
    to.add("body_rate_min", "bytes/s", of.body_rate_min, "on average since the grace; below: 408");
    to.add("idle_time_max_ms", of.idle_time_max, "between requests; beyond: closed");
    to.add("write_time_max_ms", of.write_time_max, "before the minimum rate of taking an answer is asked for");
    to.add("write_rate_min", "bytes/s", of.write_rate_min, "that a client takes of an answer; below: closed");
    to.add("linger_time_max_ms", of.linger_time_max, "reading on after a refusal");
    to.add("linger_bytes_max", "bytes", of.linger_bytes_max, "reading on after a refusal");
    to.add("connections_max", "connections", of.connections_max, "beyond: 503 and closed");
    to.add("connections_per_address_max", "connections", of.connections_per_address_max, "beyond: 503 and closed");
    to.add("requests_per_connection_max", "requests", of.requests_per_connection_max, "then the connection closes");
    to.add("answers_gathered_max", "bytes", of.answers_gathered_max, "pipelined answers written in one go");
    to.add("piece_bytes_max", "bytes", of.piece_bytes_max, "of a body that is made while it is sent");
    to.add("answers_pending_max", "bytes", of.answers_pending_max, "not taken by clients, per shard; beyond: 503 busy");
    to.add("drain_time_max_ms", of.drain_time_max, "for what is under way when the server stops");
}

void service_rows(table& to, settings& of)
{
    to.section("http");
    listener_rows(to, of.http.api);
    to.add("trusted_proxies", of.http.api.trusted_proxies,
           "whose Forwarded or X-Forwarded-For is believed; empty: nobody's");
    to.add("region", of.http.region, "shown by /api/health");
    to.add("upgrade_url", of.http.upgrade_url, "in 402 answers");
    to.add("query_threads", "threads", of.http.query_threads, "each with its own connection");
    to.add("query_threads_of_tenant_max", "threads", of.http.query_threads_of_tenant_max,
           "for one tenant; never all of several");
    to.add("queries_waiting_max", "queries", of.http.queries_waiting.all_max, "beyond: 503 busy");
    to.add("queries_waiting_of_tenant_max", "queries", of.http.queries_waiting.of_tenant_max,
           "likewise, of one tenant");
    to.add("command_time_max_ms", of.http.command_time_max, "from accept to the answer");
    to.add("wait_default_ms", of.http.wait_default, "for one's own write to show in a read");
    to.add("wait_max_ms", of.http.wait_max, "the most that Prefer: wait may ask");
    to.add("audit_days", "days", of.http.audit_days, "that the audit looks back; 0: to the beginning");
    to.add("address_per_minute", "requests", of.http.address_per_minute, "without a valid key, per address");
    to.add("unknown_keys_per_minute", "keys", of.http.unknown_keys_per_minute, "not seen before, looked up in all");
    to.add("key_per_minute", "requests", of.http.key_per_minute, "unless the key has a rate of its own");
    to.add("exports_per_key_max", "exports", of.http.exports_per_key_max, "CSV under way at this node; beyond: 429");
    to.add("refusals_window_ms", of.http.refusals_window, "refused access of a key is told once in so long");
    to.add("refusals_keys_max", "keys", of.http.refusals_keys_max, "told by themselves per tenant; the rest summed up");
    to.add("refusals_entries_max", "entries", of.http.refusals_entries_max, "of refused access, in memory");
    to.add("limiter_entries_max", "entries", of.http.limiter_entries_max, "addresses and keys remembered, each");
    to.add("cached_keys_max", "keys", of.http.cached_keys_max, "API keys kept in memory");
    to.add("key_check_interval_ms", of.http.key_check_interval, "how often keys in use are held against the log");
    to.add("key_trust_without_store_ms", of.http.key_trust_without_store, "how long a known key outlives the store");
    to.add("key_use_flush_interval_ms", of.http.key_use_flush_interval, "how often last uses are written");
    to.section("admin");
    listener_rows(to, of.http.admin);
}

void live_rows(table& to, http::live_config& of)
{
    to.section("live");
    to.add("streams_per_key_max", "streams", of.streams_per_key_max, "at this node; beyond: 429");
    to.add("comment_interval_ms", of.comment_interval, "of a stream that has nothing else to say");
    to.add("key_check_interval_ms", of.key_check_interval, "of a stream: whether its key is still good");
    to.add("begin_time_max_ms", of.begin_time_max, "until the end of the log is known; then 503");
    to.add("slow_after_ms", of.slow_after, "a client that took so long is cut when the ring went on without it");
    to.add("hold_events_max", "events", of.hold_events_max, "that a stream takes at a time");
    to.add("hold_bytes_max", "bytes", of.hold_bytes_max, "of the ring, that a stream takes at a time");
    to.add("stream_page_bytes_max", "bytes", of.stream_page_bytes_max,
           "of older events, that a stream takes at a time");
    to.add("retry_min_ms", of.retry_min, "told to clients, jittered");
    to.add("retry_max_ms", of.retry_max, "told to clients, jittered");
    to.add("ticket_time_ms", of.ticket_time, "from a ticket's making to its use");
    to.add("wait_default_ms", of.wait_default, "a poll's search, when it asks for no wait");
    to.add("wait_max_ms", of.wait_max, "the most that Prefer: wait may ask of a poll");
    to.add("past_waiting_max", "asks", of.past_waiting.all_max, "for older events, of all tenants; beyond: 503");
    to.add("past_waiting_of_tenant_max", "asks", of.past_waiting.of_tenant_max, "likewise, of one tenant");
    to.add("past_held_bytes_max", "bytes", of.past_held_bytes_max, "older events in memory, of all streams and polls");
    to.add("past_held_bytes_of_tenant_max", "bytes", of.past_held_bytes_of_tenant_max, "likewise, of one tenant");
    to.add("tickets_waiting_max", "tickets", of.tickets_waiting_max, "used and not written down yet; beyond: 503");
    to.add("ring_bytes_max", "bytes", of.ring.ring_bytes_max, "latest events of all tenants that are followed");
    to.add("tenant_ring_bytes_max", "bytes", of.ring.tenant_ring_bytes_max, "latest events of one tenant");
    to.add("ring_kept_for_ms", of.ring.ring_kept_for, "after the last of a tenant's followers has gone");
    to.add("again_after_ms", of.ring.again_after, "a read of the log that failed");
}
}  // namespace

std::string setting::printed() const
{
    const auto value = print();
    return secret && !value.empty() ? "***" : value;
}

std::vector<setting> rows_of(settings& of)
{
    std::vector<setting> rows;
    table to{rows};
    to.add("roles", of.roles, "of this process: api, projector");
    to.add("drain_seconds", "s", of.drain_seconds, "from SIGTERM to the end, at most");
    store_rows(to, of);
    writer_rows(to, of);
    housekeeping_rows(to, of.housekeeping);
    service_rows(to, of);
    live_rows(to, of.http.live);
    audit_rows(to, of.audit);
    operator_rows(to, of.operators);
    to.section("log");
    to.one_of("level", of.log.level, {"debug", "info", "warning", "error"}, "what is written at all");
    to.one_of("format", of.log.format, {"auto", "json", "human"}, "auto: human on a terminal");
    to.one_of("access", of.log.access, {"all", "notable", "none"}, "requests; notable: slow ones and failures");
    to.add("slow_ms", "ms", of.log.slow_ms, "from which a request is slow");
    return rows;
}

std::string_view word(origin from)
{
    switch (from)
    {
    case origin::file:
        return "file";
    case origin::environment:
        return "environment";
    case origin::flag:
        return "flag";
    default:
        return "default";
    }
}
}  // namespace cli
