#include "tests/integration/http/stage.hpp"

#include "commands/limits.hpp"
#include "commands/org.hpp"
#include "events/feed/store_feed.hpp"
#include "events/log/store.hpp"
#include "projections/catalogue.hpp"
#include "projections/runner/reader.hpp"
#include "projections/runner/tenant_rebuild.hpp"
#include "projections/runner/versions.hpp"
#include "schemas/text.hpp"

#include <algorithm>
#include <future>
#include <numeric>
#include <stdexcept>

namespace http_tests
{
namespace
{
api_key::minted fresh_key()
{
    std::array<std::uint8_t, 20> random{};
    schema::random_bytes(random);
    return api_key::mint(api_key::audience::organisation, random);
}

std::vector<std::int32_t> all_lanes()
{
    std::vector<std::int32_t> all(16);
    std::iota(all.begin(), all.end(), 0);
    return all;
}
}  // namespace

void memory_journal::access(const http::access_line& line)
{
    const std::lock_guard lock{mutex_};
    text_.append("access ").append(line.request_id).append(" ").append(line.method).append(" ").append(line.route);
    text_.append(" ").append(std::to_string(line.status)).append(" ").append(line.code).append(" ");
    text_.append(line.tenant).append(" ").append(line.principal).append(" ").append(line.traceparent);
    text_.append(" from ").append(line.network).append("\n");
}

void memory_journal::note(http::severity, std::string_view event, std::string_view detail)
{
    const std::lock_guard lock{mutex_};
    text_.append("note ").append(event).append(" ").append(detail).append("\n");
}

std::string memory_journal::text() const
{
    const std::lock_guard lock{mutex_};
    return text_;
}

stage::stage(stage_options options)
{
    const auto master = room.path() / "master.key";
    event_log::create_master_key(master);
    keys = std::make_unique<event_log::keyring>(event_log::keyring_config{master, options.cached_keys_max});
    news = feed();
    if (options.projections)
        make_runner();
    lanes::writer_config writers;
    writers.refusal_for = limits::refused_by;
    if (options.snapshots_every > 0)
    {
        event_log::snapshot_config kept;
        kept.directory = room.path() / "cache" / "snapshots";
        kept.folded_by = "a test";
        kept.every = options.snapshots_every;
        snapshots = std::make_unique<event_log::snapshots>(std::move(kept), options.incarnation);
        writers.snapshots = snapshots.get();
    }
    if (options.adjust_writers)
        options.adjust_writers(writers);
    commands = std::make_unique<lanes::dispatcher>(writers, store(), *keys, clock, [this](std::int32_t) {
        if (runner)
            runner->wake();
        news->wake();
    });
    make_service(options);
}

stage::~stage()
{
    service->stop();
    service.reset();
    commands.reset();
    runner.reset();
}

event_log::store_config stage::store() const
{
    event_log::store_config made;
    made.dsn = db.dsn();
    made.guard = guard;
    return made;
}

projection::row_store_config stage::rows() const
{
    projection::row_store_config made;
    made.connection.dsn = db.dsn();
    made.watchdog = guard;
    return made;
}

std::unique_ptr<event_feed::feed> stage::feed() const
{
    event_feed::store_feed_config made;
    made.dsn = db.dsn();
    made.guard = guard;
    return std::make_unique<event_feed::store_feed>(std::move(made));
}

void stage::make_runner()
{
    projection::runner_config made;
    made.projector.lanes = all_lanes();
    made.rows = rows();
    made.cache.directory = room.path() / "cache";
    made.keys = store();
    made.feed = [this] { return feed(); };
    runner = std::make_unique<projection::runner>(std::move(made), projection::read_models(), *keys, positions, clock);
    runner->start();
}

void stage::make_service(const stage_options& options)
{
    http::service_config config;
    config.version = "test";
    config.api.port = 0;
    config.admin.port = 0;
    config.address_per_minute = 1'000'000;
    if (options.adjust)
        options.adjust(config);
    const auto open_reader = [this] {
        projection::reader_config made;
        made.connection.dsn = db.dsn();
        made.watchdog = guard;
        made.cursor_secret = std::string(32, 's');
        return std::make_unique<projection::reader>(std::move(made));
    };
    service = std::make_unique<http::service>(std::move(config), http::service_parts{*commands,
                                                                                     *keys,
                                                                                     store(),
                                                                                     open_reader,
                                                                                     clock,
                                                                                     journal,
                                                                                     options.incarnation,
                                                                                     *news,
                                                                                     positions,
                                                                                     {},
                                                                                     {},
                                                                                     {},
                                                                                     {},
                                                                                     snapshots.get()});
    service->start();
    service->ready();
}

schema::uuid stage::new_id() { return ids_.next(clock.now().us); }

event_log::head stage::append_raw(const tenant& of, const std::string& category, const schema::uuid& stream,
                                  const event_log::head& after, std::string type, int schema_version, std::string data)
{
    event_log::new_event fact;
    fact.event_id = new_id();
    fact.stream = {of.id, category, stream};
    fact.version = after.version + 1;
    fact.type = std::move(type);
    fact.schema_version = schema_version;
    fact.data = std::move(data);
    event_log::meta how;
    how.occurred_at = clock.now();
    event_log::write_meta(how, of.id, fact.meta, nullptr);
    const event_log::head made{fact.version, fact.event_id};

    event_log::store log{store()};
    event_log::command_part part;
    part.tenant = of.id;
    part.lane = log.find_tenant(of.id).value().lane;
    part.expected.push_back({fact.stream, after});
    part.events.push_back(std::move(fact));
    if (log.append({new_id(), {std::move(part)}}).front().kind != event_log::verdict_kind::appended)
        throw std::runtime_error("the test's own event was refused");
    if (runner)
        runner->wake();
    news->wake();
    return made;
}

projection::verified stage::verified()
{
    projection::verify_config made;
    made.rows = rows();
    made.keys = store();
    made.feed = [this] { return feed(); };
    made.lanes = all_lanes();
    return projection::verify(made, projection::read_models(), *keys);
}

bool stage::rebuild_rows(const tenant& of, std::string_view read_model)
{
    projection::version_store versions{rows()};
    versions.open();
    const auto models = versions.live(projection::read_models());
    const auto definitions = projection::definitions_of(models);
    projection::row_store held{rows(), definitions};
    held.open();
    projection::personal_keys opened{*keys, store()};
    const auto log = feed();
    const auto lane = std::stoi(db.run("select lane from es.tenant where tenant_id = '" + of.id.text() + "'"));
    const auto made = std::ranges::find(definitions, read_model, [](const auto* each) { return each->name; });
    if (made == definitions.end())
        throw std::runtime_error("there is no read model " + std::string{read_model});
    return projection::rebuild_tenant({held, *log, opened}, **made, of.id, lane).is_done;
}

lanes::answer stage::run(const schema::uuid& of,
                         std::function<lanes::decided(lanes::view&, const lanes::origin&)> decide,
                         const lanes::aggregate_type& shown, bool is_birth)
{
    lanes::submission asked;
    asked.tenant = of;
    asked.from.tenant = of;
    asked.from.by = {event_log::actor_type::operator_, "test"};
    asked.from.now = asked.from.occurred_at = clock.now();
    asked.meta.by = asked.from.by;
    asked.meta.request_id = "test-request";
    asked.meta.occurred_at = asked.from.now;
    asked.decide = [decide = std::move(decide), from = asked.from](lanes::view& sight) { return decide(sight, from); };
    asked.shown_as = &shown;
    if (is_birth)
        asked.tenant_born = event_log::new_tenant{of, 0, {}};
    asked.deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
    std::promise<lanes::answer> promise;
    commands->submit(std::move(asked), [&](lanes::answer given) { promise.set_value(std::move(given)); });
    auto given = promise.get_future().get();
    if (given.refused || given.unavailable || given.broken)
        throw std::runtime_error("the test's own command was refused: " +
                                 (given.refused ? given.refused->code : commands->take_figures().last_fault));
    return given;
}

tenant stage::new_tenant(const std::string& slug, org::plan plan)
{
    const auto key = fresh_key();
    org::found asked;
    asked.id.value = new_id();
    asked.slug = slug;
    asked.name = "Organisation " + slug;
    asked.plan = plan;
    asked.owner_id.value = new_id();
    asked.owner_email = "owner@" + slug + ".example";
    asked.owner_name = "Olga";
    asked.first_key_id.value = new_id();
    asked.key_digest = key.digest;
    asked.key_prefix = key.prefix;
    asked.key_requests_per_minute = 0;
    const auto id = asked.id.value;
    run(
        id,
        [any = org::command{asked}](lanes::view& sight, const lanes::origin& from) { return handle(any, sight, from); },
        lanes::aggregate_of<org::state>(), true);
    return {id, asked.owner_id.value, key.key, asked.first_key_id.text()};
}

std::string stage::new_key(const tenant& of, std::vector<api_key::scope> scopes, std::optional<std::int64_t> per_minute)
{
    const auto key = fresh_key();
    api_key::create asked;
    asked.id.value = new_id();
    asked.name = "Another key";
    asked.scopes = std::move(scopes);
    asked.requests_per_minute = per_minute;
    asked.digest = key.digest;
    asked.prefix = key.prefix;
    run(
        of.id,
        [any = api_key::command{asked}](lanes::view& sight, const lanes::origin& from) {
            return handle(any, sight, from);
        },
        lanes::aggregate_of<api_key::state>());
    return key.key;
}

kit::reply ask(const stage& in, const std::string& key, std::string_view method, std::string_view target,
               std::string_view body, kit::header_list more)
{
    auto wire = in.connect();
    if (!key.empty())
        more.emplace_back("Authorization", "Bearer " + key);
    if (!body.empty())
        more.emplace_back("Content-Type", "application/json");
    wire.request(method, target, more, body);
    return wire.read(method == "HEAD");
}

std::string value_of(std::string_view json, std::string_view name)
{
    const std::string before = "\"" + std::string{name} + "\":";
    const auto at = json.find(before);
    if (at == std::string_view::npos)
        return {};
    json.remove_prefix(at + before.size());
    if (json.starts_with('"'))
        return std::string{json.substr(1, json.find('"', 1) - 1)};
    return std::string{json.substr(0, json.find_first_of(",}"))};
}
}  // namespace http_tests
