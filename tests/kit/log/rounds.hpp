// Short words for the tests of the log: tenants, streams, commands and rounds with ids of their own.
#pragma once

#include "events/log/store.hpp"
#include "schemas/text.hpp"
#include "tests/kit/database.hpp"

#include <chrono>
#include <initializer_list>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace log_tests
{
using namespace event_log;

inline uuid fresh_id()
{
    std::array<std::uint8_t, 10> random{};
    schema::random_bytes(random);
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return uuid::v7(static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count()),
                    random);
}

inline store_config at(const std::string& dsn)
{
    store_config config;
    config.dsn = dsn;
    return config;
}

inline claim_hash hash_of(const std::string& value) { return schema::sha256(value); }

// A stream as the test believes it to be.
struct stream
{
    stream_key key;
    head at;
};

struct tenant
{
    uuid id = fresh_id();
    std::int32_t lane = 3;
    stream org{{id, "org", id}, {}};

    stream fresh_stream(const std::string& category = "task") const { return {{id, category, fresh_id()}, {}}; }
};

// One command of a tenant, built by saying what it does. The streams handed in move on as if it were accepted.
class command
{
public:
    explicit command(const tenant& of)
    {
        part.tenant = of.id;
        part.lane = of.lane;
    }

    command& expect(const stream& on)
    {
        part.expected.push_back({on.key, on.at});
        return *this;
    }

    // Appends one event to a stream and expects it as it stands.
    command& write(stream& to, const std::string& type = "task.changed", const std::string& data = "{\"a\": 1}")
    {
        bool expected = false;
        for (const expected_head& each : part.expected)
            expected = expected || each.stream == to.key;
        if (!expected)
            expect(to);
        new_event event;
        event.event_id = fresh_id();
        event.stream = to.key;
        event.version = to.at.version + 1;
        event.type = type;
        event.data = data;
        event.meta = "{\"occurred_at\":\"2026-01-01T00:00:00.000000Z\"}";
        to.at = {event.version, event.event_id};
        part.events.push_back(std::move(event));
        return *this;
    }

    command& remember(const std::string& key, std::int16_t status = 200)
    {
        receipt kept;
        kept.tenant = part.tenant;
        kept.key = key;
        kept.principal = "api_key_test";
        kept.fingerprint = hash_of("body");
        kept.status = status;
        if (!part.events.empty())
        {
            kept.shows = part.events.back().stream;
            kept.version = part.events.back().version;
        }
        else if (!part.expected.empty())
        {
            kept.shows = part.expected.front().stream;
            kept.version = part.expected.front().at.version;
        }
        part.remember = kept;
        return *this;
    }

    command& take(const std::string& scope, const std::string& value, const stream_key& owner, const uuid& of = {},
                  bool platform_wide = false)
    {
        part.claims.push_back({true,
                               platform_wide ? platform_tenant
                               : of.is_nil() ? part.tenant
                                             : of,
                               scope, hash_of(value), owner});
        return *this;
    }

    command& release(const std::string& scope, const std::string& value, const stream_key& owner,
                     bool platform_wide = false)
    {
        part.claims.push_back({false, platform_wide ? platform_tenant : part.tenant, scope, hash_of(value), owner});
        return *this;
    }

    command& count(const std::string& metric, std::int64_t delta, std::optional<std::int64_t> limit = {},
                   std::optional<std::int64_t> floor = {})
    {
        part.quotas.push_back({part.tenant, metric, delta, limit, floor});
        return *this;
    }

    command& key(const uuid& subject, const std::string& wrapped)
    {
        part.subject_keys.push_back({part.tenant, subject, 1, wrapped});
        return *this;
    }

    command& together(std::int32_t group)
    {
        part.group = group;
        return *this;
    }

    command& born(const tenant& baby)
    {
        part.tenant_born = new_tenant{baby.id, baby.lane, "wrapped"};
        return *this;
    }

    command_part part;
};

// In braces, so that the commands are built in order.
inline round round_of(std::initializer_list<command> commands)
{
    round out;
    out.id = fresh_id();
    for (const command& each : commands)
        out.commands.push_back(each.part);
    return out;
}

inline std::vector<verdict_kind> kinds_of(const std::vector<verdict>& all)
{
    std::vector<verdict_kind> out;
    for (const verdict& each : all)
        out.push_back(each.kind);
    return out;
}

// Brings a tenant to life with the first event of its org stream.
inline void give_birth(store& in, tenant& to)
{
    const auto verdicts = in.append(round_of({command{to}.born(to).write(to.org, "org.created")}));
    if (verdicts.at(0).kind != verdict_kind::appended)
        throw std::runtime_error("the tenant was not born");
}

inline tenant new_born(store& in, std::int32_t lane = 3)
{
    tenant out;
    out.lane = lane;
    give_birth(in, out);
    return out;
}
}  // namespace log_tests
