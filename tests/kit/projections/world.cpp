#include "tests/kit/projections/world.hpp"

#include "events/client.hpp"
#include "events/comment.hpp"
#include "events/member.hpp"
#include "events/org.hpp"
#include "events/project.hpp"
#include "events/task.hpp"
#include "schemas/text.hpp"

#include <chrono>
#include <random>
#include <stdexcept>

namespace projection_tests
{
uuid fresh_id()
{
    std::array<std::uint8_t, 10> random{};
    schema::random_bytes(random);
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return uuid::v7(static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count()),
                    random);
}

world::world() : world(kit::plain_cluster()) {}

world::world(kit::cluster& in) : db(in)
{
    const auto master = room.path() / "master.key";
    event_log::create_master_key(master);
    keys = std::make_unique<event_log::keyring>(event_log::keyring_config{master});
    event_log::store_config config;
    config.dsn = db.dsn();
    config.guard = watchdog;
    store_ = std::make_unique<event_log::store>(config);
}

uuid world::tenant(std::int32_t lane, const std::string& time_zone)
{
    const uuid id = fresh_id();
    lanes_[id] = lane;
    event_log::command_part birth;
    birth.tenant = id;
    birth.lane = lane;
    birth.tenant_born = {id, lane, keys->make_tenant_key(id)};
    keys->learn_tenant({id, lane, birth.tenant_born->wrapped_key});
    waiting_.push_back(std::move(birth));
    org::created fact;
    fact.id = {id};
    fact.slug = "org-" + id.text().substr(24);
    fact.name = "An organisation";
    fact.time_zone = time_zone;
    fact.currency = "EUR";
    fact.owner_id = {fresh_id()};
    append(id, "org", id, fact);
    // The birth and its first event are one command.
    auto first = std::move(waiting_.back());
    waiting_.pop_back();
    first.tenant_born = std::move(waiting_.back().tenant_born);
    waiting_.back() = std::move(first);
    flush();
    return id;
}

std::unique_ptr<schema::sealer> world::sealer_of(const uuid& tenant, const uuid& stream, const uuid& event,
                                                 const schema::record_type& type)
{
    bool is_personal = false;
    for (const auto& member : type)
        is_personal = is_personal || member.personal;
    if (!is_personal)
        return nullptr;
    if (!keys->knows_subject(tenant, stream))
    {
        fresh_keys_.push_back(keys->make_subject_key(tenant, stream));
        keys->learn_subject(fresh_keys_.back());
    }
    return keys->sealer_for(tenant, event, fresh_keys_);
}

void world::append_raw(const uuid& tenant, std::string_view category, const uuid& stream, std::string_view type,
                       int version, const uuid& event, std::string data, moment occurred_at)
{
    const event_log::stream_key key{tenant, std::string{category}, stream};
    auto& head = heads_[key];
    event_log::command_part part;
    part.tenant = tenant;
    part.lane = lanes_.at(tenant);
    part.expected.push_back({key, head});
    event_log::meta about;
    about.occurred_at = occurred_at;
    event_log::new_event made{event, key, head.version + 1, std::string{type}, version, std::move(data), {}};
    event_log::write_meta(about, tenant, made.meta, nullptr);
    head = {made.version, event};
    part.events.push_back(std::move(made));
    part.subject_keys = std::exchange(fresh_keys_, {});
    waiting_.push_back(std::move(part));
    if (waiting_.size() >= 400)
        flush();
}

void world::flush()
{
    if (waiting_.empty())
        return;
    const auto verdicts = store_->append({fresh_id(), std::move(waiting_)});
    waiting_.clear();
    for (const auto& each : verdicts)
        if (each.kind != event_log::verdict_kind::appended)
            throw std::runtime_error("the test's own history was refused");
}

std::vector<position> world::heads() { return feed()->heads(lanes_used); }

std::unique_ptr<event_feed::feed> world::feed() const
{
    event_feed::store_feed_config config;
    config.dsn = db.dsn();
    config.guard = watchdog;
    config.feed.batch_events_max = 150;  // small, so that a history is many batches
    return std::make_unique<event_feed::store_feed>(config);
}

event_log::connection_config world::connection(const std::string& role) const
{
    event_log::connection_config config;
    config.dsn = db.dsn(role);
    return config;
}

projection::row_store_config world::rows() const { return {connection(), watchdog, std::chrono::seconds{20}}; }

projection::runner_config world::runner(const std::filesystem::path& cache) const
{
    projection::runner_config config;
    config.projector.lanes = {std::begin(lanes_used), std::end(lanes_used)};
    config.projector.lost_min = std::chrono::milliseconds{20};
    config.projector.lost_max = std::chrono::milliseconds{200};
    config.rows = rows();
    config.cache.directory = cache;
    config.keys.dsn = db.dsn();
    config.keys.guard = watchdog;
    config.feed = [this] { return feed(); };
    config.retry_min = std::chrono::milliseconds{10};
    config.retry_max = std::chrono::milliseconds{200};
    return config;
}

projection::reader_config world::reading() const
{
    return {connection(), watchdog, std::chrono::seconds{10}, std::string(32, 's')};
}

projection::verify_config world::verifying() const
{
    projection::verify_config config;
    config.rows = rows();
    config.keys.dsn = db.dsn();
    config.keys.guard = watchdog;
    config.feed = [this] { return feed(); };
    config.lanes = {std::begin(lanes_used), std::end(lanes_used)};
    return config;
}

projection::rebuild_config world::rebuilding() const
{
    projection::rebuild_config config;
    config.rows = rows();
    config.keys.dsn = db.dsn();
    config.keys.guard = watchdog;
    config.feed = [this] { return feed(); };
    config.lanes = {std::begin(lanes_used), std::end(lanes_used)};
    config.room = room.path() / "rebuild";
    config.page_rows = 50;  // small, so that a lane is many pages
    config.pause_min = std::chrono::milliseconds{10};
    return config;
}

void world::register_read_models() const
{
    projection::version_store versions{rows()};
    versions.open();
    versions.register_missing(projection::read_models());
}

std::vector<projection::version> world::rebuild(std::span<const projection::definition* const> of, bool goes_on)
{
    const auto made = projection::rebuild(rebuilding(), of, *keys, clock, goes_on);
    if (made.what != projection::rebuilt::end::beside)
        throw std::runtime_error("the versions do not stand beside the live ones");
    return made.versions;
}

projection::verified world::verified(std::span<const projection::definition* const> of)
{
    return projection::verify(verifying(), of, *keys);
}

projection::verified world::verified_versions()
{
    projection::version_store versions{rows()};
    versions.open();
    const auto fed = versions.fed(projection::read_models());
    return verified(projection::definitions_of(fed));
}

running::running(world& in, const std::filesystem::path& cache, std::span<const projection::definition* const> of_these)
    : of(in)
    , runner(
          [&] {
              auto config = in.runner(cache);
              config.projector.tell = [this](const projection::report& told) {
                  const std::lock_guard lock{mutex_};
                  reports_.push_back(told);
              };
              return config;
          }(),
          of_these, *in.keys, positions, in.clock)
{
    runner.start();
}

running::~running() { runner.stop(); }

void running::catch_up()
{
    const auto heads = of.heads();
    runner.wake();
    if (!positions.wait_until(heads, std::chrono::steady_clock::now() + std::chrono::seconds{30}))
    {
        std::string said;
        for (const auto& each : reports())
            said += "; " + each.text;
        throw std::runtime_error("the read models did not catch up" + said);
    }
}

std::vector<projection::report> running::reports()
{
    const std::lock_guard lock{mutex_};
    return reports_;
}

namespace
{
// What the random history has made so far in one tenant.
struct cast
{
    uuid tenant;
    std::vector<uuid> clients, projects, tasks, members, comments;
};

class storyteller
{
public:
    storyteller(world& in, std::uint32_t seed) : to_(in), random_(seed) {}

    void tell(cast& of)
    {
        at_.us += static_cast<std::int64_t>(pick(3'600'000)) * 40'000;  // up to 40 hours
        static constexpr void (storyteller::*turns[])(cast&) = {
            &storyteller::client, &storyteller::project, &storyteller::task,   &storyteller::task,
            &storyteller::task,   &storyteller::member,  &storyteller::comment};
        (this->*turns[pick(std::size(turns))])(of);
    }

private:
    std::size_t pick(std::size_t below) { return std::uniform_int_distribution<std::size_t>{0, below - 1}(random_); }
    bool chance(std::size_t one_in) { return pick(one_in) == 0; }

    template <class Id>
    std::vector<Id> some(const std::vector<uuid>& from)
    {
        std::vector<Id> chosen;
        for (const auto& id : from)
            if (chosen.size() < 3 && chance(3))
                chosen.push_back(Id{id});
        return chosen;
    }

    std::string words()
    {
        static constexpr std::string_view all[] = {
            "Ärger, \"quoted\"", "back\\slash", "{brace}", "NULL", "plain", "日本", "a'b"};
        return std::string{all[pick(std::size(all))]} + ' ' + std::to_string(pick(1000));
    }

    template <class Fact>
    void add(const cast& of, std::string_view category, const uuid& id, const Fact& fact)
    {
        to_.append(of.tenant, category, id, fact, at_);
    }

    template <class Archived, class Restored>
    void archive_or_restore(const cast& of, std::string_view category, const uuid& id)
    {
        if (chance(2))
            add(of, category, id, Archived{{id}});
        else
            add(of, category, id, Restored{{id}});
    }

    void client(cast& of)
    {
        if (of.clients.empty() || chance(2))
        {
            client::created fact;
            fact.id = {of.clients.emplace_back(fresh_id())};
            fact.name = words();
            if (chance(2))
                fact.email = schema::personal<std::string>{words(), false};
            return add(of, "client", fact.id.value, fact);
        }
        const uuid id = of.clients[pick(of.clients.size())];
        if (chance(2))
            return archive_or_restore<client::archived, client::restored>(of, "client", id);
        client::changed fact;
        fact.id = {id};
        fact.name = event_log::change<std::string>{"", words()};
        fact.notes = schema::personal<event_log::change<std::optional<std::string>>>{{std::nullopt, words()}, false};
        add(of, "client", id, fact);
    }

    void project(cast& of)
    {
        if (of.projects.empty() || chance(3))
        {
            project::created fact;
            fact.id = {of.projects.emplace_back(fresh_id())};
            fact.name = words();
            if (!of.clients.empty() && chance(2))
                fact.client_id = client::client_id{of.clients[pick(of.clients.size())]};
            if (chance(2))
                fact.budget = schema::money{static_cast<std::int64_t>(pick(1'000'000)), "EUR"};
            if (chance(2))
                fact.due_on = schema::day{static_cast<std::int32_t>(19'000 + pick(900))};
            fact.member_ids = some<project::member_id>(of.members);
            return add(of, "project", fact.id.value, fact);
        }
        const uuid id = of.projects[pick(of.projects.size())];
        const auto before = project::status::planned;
        switch (pick(5))
        {
        case 0:
            return add(of, "project", id, project::activated{{id}, {before, project::status::active}});
        case 1:
            return add(of, "project", id, project::held{{id}, {before, project::status::on_hold}});
        case 2:
            return add(of, "project", id, project::completed{{id}, {before, project::status::completed}});
        case 3:
            return add(of, "project", id, project::reopened{{id}, {before, project::status::active}});
        default:
            return archive_or_restore<project::archived, project::restored>(of, "project", id);
        }
    }

    void task(cast& of)
    {
        if (of.projects.empty())
            return project(of);
        if (of.tasks.empty() || chance(3))
        {
            task::created fact;
            fact.id = {of.tasks.emplace_back(fresh_id())};
            fact.project_id = {of.projects[pick(of.projects.size())]};
            fact.title = words();
            fact.priority = static_cast<task::priority>(pick(4));
            fact.status = static_cast<task::status>(pick(4));
            if (chance(2))
                fact.due_on = schema::day{static_cast<std::int32_t>(19'000 + pick(900))};
            fact.assignee_ids = some<task::member_id>(of.members);
            fact.labels = chance(2) ? std::vector<std::string>{words(), ""} : std::vector<std::string>{};
            return add(of, "task", fact.id.value, fact);
        }
        const uuid id = of.tasks[pick(of.tasks.size())];
        const auto before = task::status::todo;
        switch (pick(7))
        {
        case 0:
            return add(of, "task", id, task::started{{id}, {before, task::status::in_progress}});
        case 1:
            return add(of, "task", id, task::waited{{id}, {before, task::status::waiting}});
        case 2:
            return add(of, "task", id, task::completed{{id}, {before, task::status::done}});
        case 3:
            return add(of, "task", id, task::reopened{{id}, {before, task::status::todo}});
        case 4:
            return add(of, "task", id,
                       task::moved{{id}, {{}, project::project_id{of.projects[pick(of.projects.size())]}}});
        case 5:
        {
            task::changed fact;
            fact.id = {id};
            fact.assignee_ids = event_log::change<std::vector<task::member_id>>{{}, some<task::member_id>(of.members)};
            return add(of, "task", id, fact);
        }
        default:
            return archive_or_restore<task::archived, task::restored>(of, "task", id);
        }
    }

    void member(cast& of)
    {
        if (of.members.size() > 5 && chance(3))
        {
            const uuid id = of.members[pick(of.members.size())];
            return add(of, "member", id, member::removed{{id}, std::nullopt, member::role::member});
        }
        member::added fact;
        fact.id = {of.members.emplace_back(fresh_id())};
        fact.email = {words(), false};
        fact.name = {words(), false};
        add(of, "member", fact.id.value, fact);
    }

    void comment(cast& of)
    {
        if (of.tasks.empty())
            return task(of);
        if (of.comments.empty() || chance(2))
        {
            comment::created fact;
            fact.id = {of.comments.emplace_back(fresh_id())};
            fact.task_id = {of.tasks[pick(of.tasks.size())]};
            fact.body = words() + "\nsecond line\ttab";
            fact.mention_ids = some<comment::member_id>(of.members);
            return add(of, "comment", fact.id.value, fact);
        }
        archive_or_restore<comment::archived, comment::restored>(of, "comment", of.comments[pick(of.comments.size())]);
    }

    world& to_;
    std::mt19937 random_;
    moment at_{1'600'000'000'000'000};
};
}  // namespace

std::vector<uuid> random_history(world& to, std::uint32_t seed, history_size size)
{
    std::vector<cast> casts;
    for (int i = 0; i < size.tenants; ++i)
        casts.push_back(
            {to.tenant(lanes_used[static_cast<std::size_t>(i) % std::size(lanes_used)]), {}, {}, {}, {}, {}});
    storyteller story{to, seed};
    for (int i = 0; i < size.events; ++i)
        story.tell(casts[static_cast<std::size_t>(i) % casts.size()]);
    to.flush();
    std::vector<uuid> tenants;
    for (const auto& each : casts)
        tenants.push_back(each.tenant);
    return tenants;
}
}  // namespace projection_tests
