// Long streams folded from snapshots: the same states as from the first event, whatever becomes of the snapshots.
#include "commands/lanes/loading.hpp"
#include "events/log/meta.hpp"
#include "tests/kit/lanes/site.hpp"
#include "tests/kit/process.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

namespace
{
using event_log::snapshots;
using kit::command;
using kit::told;

constexpr std::int64_t every = 10;

event_log::snapshot_config config_in(const std::filesystem::path& room)
{
    event_log::snapshot_config made;
    made.directory = room;
    made.folded_by = "a test";
    made.every = every;
    return made;
}

// Reads with a store and keys of its own, as a process just started.
struct looker
{
    looker(const std::string& dsn, const std::filesystem::path& master_key, snapshots* kept)
        : keys({master_key}), store(config(dsn)), log(store, keys, kept)
    {}

    static event_log::store_config config(const std::string& dsn)
    {
        event_log::store_config made;
        made.dsn = dsn;
        return made;
    }

    event_log::keyring keys;
    event_log::store store;
    lanes::loader log;
};

std::string shown(const lanes::standing& now)
{
    return now.state ? thing::render(*static_cast<const thing::state*>(now.state.get())) : "nothing";
}

struct given_a_long_stream
{
    explicit given_a_long_stream(int events = 47, const std::string& email = "ann@example.org")
    {
        const auto office = site.open();
        tenant = site.new_house(*office);
        id = site.new_id();
        CHECK(told(office->ask(command(tenant, thing::make(tenant, {id, "name 1", email})))) == "201");
        for (int version = 2; version <= events; ++version)
            rename(*office, version);
        stream = {&lanes::aggregate_of<thing::state>(), tenant, id};
    }

    void rename(kit::office& by, int version) const
    {
        auto asked = command(tenant, thing::rename(tenant, id, "name " + std::to_string(version)));
        // Told in any order: as long after or before the first as the version is odd or even.
        asked.meta.occurred_at.us += (version % 2 == 0 ? -1'000'000 : 1'000'000) * std::int64_t{version};
        REQUIRE(told(by.ask(std::move(asked))) == "200");
    }

    std::unique_ptr<snapshots> open(std::string incarnation = "1.1") const
    {
        return std::make_unique<snapshots>(config_in(room.path() / "snapshots"), [incarnation] { return incarnation; });
    }
    std::unique_ptr<looker> look(snapshots* with = nullptr) const
    {
        return std::make_unique<looker>(site.db().dsn(), site.master_key(), with);
    }
    event_log::snapshot_place place() const { return {tenant, id, stream.type->form()}; }

    kit::site site;
    kit::temporary_directory room;
    schema::uuid tenant, id;
    lanes::stream_ref stream;
};

struct as_at
{
    std::vector<std::string> versions;
    std::vector<std::string> recorded;
    std::vector<std::string> occurred;
    friend bool operator==(const as_at&, const as_at&) = default;
};

// The stream at every version, and at, before and after every time that it knows.
as_at all_of(const given_a_long_stream& in, looker& from)
{
    as_at made;
    std::vector<schema::moment> recorded, occurred;
    in.look()->log.walk({in.stream}, [&](const lanes::step& each) {
        recorded.push_back(each.happened.recorded_at);
        occurred.push_back(event_log::stamp_of(each.happened).occurred_at);
        return true;
    });
    for (std::int64_t version = 0; version <= static_cast<std::int64_t>(recorded.size()) + 1; ++version)
        made.versions.push_back(shown(from.log.at_version(in.stream, version)));
    for (const std::int64_t off : {-1, 0, 1})
        for (std::size_t i = 0; i < recorded.size(); ++i)
        {
            made.recorded.push_back(shown(from.log.at_time({in.stream, {recorded[i].us + off}, false})));
            made.occurred.push_back(shown(from.log.at_time({in.stream, {occurred[i].us + off}, true})));
        }
    return made;
}

std::string newest(looker& from, const lanes::stream_ref& stream)
{
    from.keys.learn_tenant(*from.store.find_tenant(stream.tenant));
    const lanes::stream_wanted wanted{stream};
    const auto found = from.log.load({&wanted, 1}, {});
    REQUIRE_MESSAGE(found.fault.empty(), found.fault);
    return shown(found.streams.front().now);
}
}  // namespace

TEST_CASE_FIXTURE(given_a_long_stream, "a stream of several snapshots is at any version and time what its events make")
{
    const auto plain = look();
    const auto expected = all_of(*this, *plain);
    CHECK(expected.versions.front() == "nothing");
    CHECK(expected.versions.back() == "nothing");  // there is no such version

    const auto kept = open();
    CHECK(newest(*look(kept.get()), stream) == expected.versions[47]);
    CHECK(kept->look().written == 4);
    CHECK(kept->newest(place(), INT64_MAX)->at.version == 40);
    const auto before = kept->look();
    CHECK(all_of(*this, *look(kept.get())) == expected);
    CHECK(kept->look().used > before.used);
    CHECK(kept->look().written == before.written);
    CHECK(kept->look().foreign == 0);
}

TEST_CASE_FIXTURE(given_a_long_stream, "a walk begins where it was asked to, with the state before")
{
    const auto kept = open();
    newest(*look(kept.get()), stream);
    for (const std::int64_t after : {0, 9, 10, 11, 39, 46, 47, 60})
    {
        std::vector<std::string> plain, from_snapshots;
        const auto walk = [&](snapshots* with, std::vector<std::string>& into) {
            lanes::stream_wanted wanted{stream};
            wanted.after_version = after;
            look(with)->log.walk(wanted, [&](const lanes::step& each) {
                into.push_back(std::to_string(each.happened.version) + each.data() + shown({each.before, {}, false}) +
                               shown({each.after, {}, false}));
                return true;
            });
        };
        walk(nullptr, plain);
        walk(kept.get(), from_snapshots);
        CHECK(plain == from_snapshots);
        CHECK(plain.size() == static_cast<std::size_t>(std::max<std::int64_t>(47 - after, 0)));
    }
}

TEST_CASE("writers have snapshots made behind their backs, and begin with them after a start")
{
    given_a_long_stream in{1};
    const auto kept = in.open();
    lanes::writer_config with;
    with.snapshots = kept.get();
    {
        const auto office = in.site.open(with);
        for (int version = 2; version <= 25; ++version)
            in.rename(*office, version);
        CHECK(kit::eventually([&] { return kept->look().written == 2; }));
    }
    const auto office = in.site.open(with);
    const auto used = kept->look().used;
    in.rename(*office, 26);
    CHECK(kept->look().used == used + 1);
    const auto repeated = kit::with_key(command(in.tenant, thing::rename(in.tenant, in.id, "last")), "key");
    const auto first = office->ask(repeated);
    CHECK(told(first) == "200");
    const auto again = office->ask(kit::with_key(command(in.tenant, thing::rename(in.tenant, in.id, "last")), "key"));
    CHECK(told(again) == "200 replayed");
    CHECK(again.item == first.item);
}

TEST_CASE("a stream of many windows is read window by window, with and without snapshots")
{
    given_a_long_stream in{1};
    {
        const auto office = in.site.open();
        for (int version = 2; version < 2 * lanes::loader::window + 30; version += 90)
        {
            lanes::batch many{true, {}};
            for (int n = version; n < version + 90; ++n)
                many.commands.push_back(
                    command(in.tenant, thing::rename(in.tenant, in.id, "name " + std::to_string(n))));
            for (const auto& answer : office->ask(std::move(many)))
                REQUIRE(told(answer) == "200");
        }
    }
    const auto expected = newest(*in.look(), in.stream);
    CHECK(expected.find("\"version\":1081") != std::string::npos);
    const auto kept = in.open();
    CHECK(newest(*in.look(kept.get()), in.stream) == expected);
    CHECK(kept->look().written == 108);
    CHECK(newest(*in.look(kept.get()), in.stream) == expected);
    CHECK(kept->look().used == 1);
}

TEST_CASE_FIXTURE(given_a_long_stream, "a snapshot of an event that the log does not have is thrown away")
{
    const auto expected = newest(*look(), stream);
    const auto kept = open();
    newest(*look(kept.get()), stream);
    auto other = *kept->newest(place(), INT64_MAX);
    other.at.last_event_id = site.new_id();
    SUBCASE("another event at its version")
    {
        other.subjects.clear();  // it opens
        other.state.clear();
        stream.type->freeze(look()->log.at_version(stream, 12).state.get(), other.state);
        kept->keep(place(), other);
    }
    SUBCASE("a version that the stream has not reached")
    {
        other.subjects.clear();
        other.state.clear();
        stream.type->freeze(look()->log.at_version(stream, 12).state.get(), other.state);
        other.at.version = 1'000;
        kept->keep(place(), other);
    }
    CHECK(newest(*look(kept.get()), stream) == expected);
    CHECK(kept->look().foreign == 1);
    CHECK(newest(*look(kept.get()), stream) == expected);
    CHECK(kept->look().foreign == 1);
    CHECK(kept->newest(place(), INT64_MAX)->at.version == 40);  // made anew
    const auto last = look()->log.at_version(stream, 47);
    CHECK(shown(look(kept.get())->log.at_time({stream, {INT64_MAX}, false})) == shown(last));
}

TEST_CASE_FIXTURE(given_a_long_stream, "bytes that are no such state are read from the log instead, and counted")
{
    const auto expected = newest(*look(), stream);
    const auto kept = open();
    newest(*look(kept.get()), stream);
    auto other = *kept->newest(place(), INT64_MAX);
    other.subjects.clear();
    other.state = "no state of a thing";
    kept->keep(place(), other);
    CHECK(newest(*look(kept.get()), stream) == expected);
    CHECK(kept->look().damaged == 1);
}

TEST_CASE_FIXTURE(given_a_long_stream, "of a state with personal values nothing is left to read once the key is gone")
{
    const auto kept = open();
    newest(*look(kept.get()), stream);
    const auto held = kept->newest(place(), INT64_MAX);
    REQUIRE(held);
    CHECK(held->subjects == std::vector<schema::uuid>{id});
    for (const auto& file : std::filesystem::recursive_directory_iterator{room.path()})
        if (file.is_regular_file())
        {
            std::ifstream in{file.path(), std::ios::binary};
            const std::string bytes{std::istreambuf_iterator<char>{in}, {}};
            CHECK(bytes.find("ann@example") == std::string::npos);
        }

    site.db().run("update es.subject_key set wrapped = null where subject_id = '" + id.text() + "'");
    const auto after = look(kept.get());
    const auto shown_now = newest(*after, stream);
    CHECK(shown_now.find("\"email\":null") != std::string::npos);
    CHECK(shown_now.find("name 47") != std::string::npos);
    CHECK(kept->look().forgotten == 1);
    // What was made of it since holds nothing of the person, and needs no key.
    const auto next = kept->newest(place(), INT64_MAX);
    REQUIRE(next);
    CHECK(next->subjects.empty());
    CHECK(newest(*after, stream) == shown_now);
}

TEST_CASE_FIXTURE(given_a_long_stream, "without snapshots of its own form or history everything is as it was")
{
    const auto expected = newest(*look(), stream);
    {
        const auto kept = open();
        newest(*look(kept.get()), stream);
    }
    const auto restored = open("1.2");
    CHECK(newest(*look(restored.get()), stream) == expected);
    CHECK(restored->look().used == 0);
    CHECK(restored->look().written == 4);
}

#ifdef CLIENTFLOW_FAULT_POINTS
namespace
{
std::string environment(const char* name)
{
    const char* value = std::getenv(name);
    return value ? value : "";
}
}  // namespace

TEST_CASE("a process that may die beside its snapshots")
{
    if (environment("CF_SNAPSHOTS_DSN").empty())
        return;  // run by the test below, in a process of its own
    snapshots kept{config_in(environment("CF_SNAPSHOTS_ROOM")), [] { return std::string{"1.1"}; }};
    looker from{environment("CF_SNAPSHOTS_DSN"), environment("CF_SNAPSHOTS_MASTER_KEY"), &kept};
    const lanes::stream_ref stream{&lanes::aggregate_of<thing::state>(),
                                   *schema::uuid::parse(environment("CF_SNAPSHOTS_TENANT")),
                                   *schema::uuid::parse(environment("CF_SNAPSHOTS_ID"))};
    std::ofstream{environment("CF_SNAPSHOTS_ANSWER")} << shown(from.log.at_version(stream, 47));
}

TEST_CASE_FIXTURE(given_a_long_stream, "killed or failed at any write, the next process folds the same")
{
    const auto expected = all_of(*this, *look());
    int fired_times = 0;
    for (const std::string point : {"snapshots.before_write", "snapshots.after_write"})
        for (const std::string kind : {"kill", "error"})
            for (int nth = 1; nth <= 5; ++nth)
            {
                const kit::temporary_directory here;
                const auto fired = here.path() / "fired", answer = here.path() / "answer";
                kit::launch child;
                child.program = std::filesystem::read_symlink("/proc/self/exe");
                child.arguments = {"--test-case=a process that may die beside its snapshots"};
                child.environment = {{"CF_SNAPSHOTS_DSN", site.db().dsn()},
                                     {"CF_SNAPSHOTS_MASTER_KEY", site.master_key().string()},
                                     {"CF_SNAPSHOTS_ROOM", (here.path() / "snapshots").string()},
                                     {"CF_SNAPSHOTS_TENANT", tenant.text()},
                                     {"CF_SNAPSHOTS_ID", id.text()},
                                     {"CF_SNAPSHOTS_ANSWER", answer.string()},
                                     {"CLIENTFLOW_FAULT", point + ':' + kind + ':' + std::to_string(nth)},
                                     {"CLIENTFLOW_FAULT_LOG", fired.string()}};
                kit::run(std::move(child));
                const bool did_fire = std::filesystem::exists(fired);
                CHECK(did_fire == (nth <= 4));  // there are four to write
                fired_times += did_fire ? 1 : 0;
                if (kind == "error")
                {
                    std::ifstream in{answer};
                    CHECK(std::string{std::istreambuf_iterator<char>{in}, {}} == expected.versions[47]);
                }
                snapshots kept{config_in(here.path() / "snapshots"), [] { return std::string{"1.1"}; }};
                CHECK(newest(*look(&kept), stream) == expected.versions[47]);
                CHECK(kept.newest(place(), INT64_MAX)->at.version == 40);
                if (nth == 2)
                    CHECK(all_of(*this, *look(&kept)) == expected);
            }
    CHECK(fired_times == 16);
}
#endif
