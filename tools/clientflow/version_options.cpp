// See version_options.hpp.
#include "tools/clientflow/version_options.hpp"

#include "events/feed/store_feed.hpp"
#include "projections/catalogue.hpp"
#include "schemas/json_writer.hpp"
#include "tools/clientflow/database.hpp"
#include "tools/clientflow/nearest.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <thread>
#include <unistd.h>
#include <vector>

namespace cli
{
namespace
{
constexpr std::chrono::seconds meeting_time_max{10};
constexpr std::chrono::milliseconds meeting_pause{250};

std::string text_of(const projection::rebuild_progress& told)
{
    using phase = projection::rebuild_progress::phase;
    if (told.now == phase::indexing)
        return "keys and indexes are made";
    if (told.now == phase::catching_up)
        return "what came meanwhile is folded";
    const auto lanes = std::ranges::count_if(told.lanes, [](const auto& each) { return each.is_done; });
    std::string text = std::to_string(told.events) + " of " + std::to_string(told.events_of_all) + " events, " +
                       std::to_string(std::llround(told.events_per_second)) + "/s, ";
    text += std::to_string(std::llround(told.seconds_left)) + " s left, " + std::to_string(lanes) + " of " +
            std::to_string(told.lanes.size()) + " lanes";
    return text;
}
}  // namespace

const projection::definition& definition_named(const std::string& name)
{
    const auto* of = projection::read_model_named(name);
    if (of != nullptr)
        return *of;
    std::vector<std::string> names;
    for (const auto* each : projection::read_models())
        names.emplace_back(each->name);
    const auto meant = nearest(names, name);
    throw failure(not_found, "not_found",
                  "there is no read model \"" + name + '"' +
                      (meant ? "; did you mean \"" + *meant + "\"?" : ": see `projection list`"));
}

projection::row_store_config projector_rows(const settings& of)
{
    projection::row_store_config made;
    made.connection.dsn = of.store.dsn;
    made.connection.password_file = of.store.password_file;
    made.watchdog = std::make_shared<event_log::watchdog>();
    return made;
}

projection::rebuild_config build_config(const program& chosen, const settings& of)
{
    projection::rebuild_config made;
    made.rows = projector_rows(of);
    made.rows.connection.application_name = projection::rebuild_session;
    made.keys = of.store;
    made.feed = [&of, guard = made.rows.watchdog]() -> std::unique_ptr<event_feed::feed> {
        event_feed::store_feed_config feed;
        feed.feed = of.feed;
        feed.dsn = of.store.dsn;
        feed.password_file = of.store.password_file;
        feed.guard = guard;
        return std::make_unique<event_feed::store_feed>(std::move(feed));
    };
    for (const auto& each : database{of.store.dsn}.ask("select lane from es.lane order by lane"))
        made.lanes.push_back(std::stoi(*each[0]));
    made.room = of.data / "rebuild";
    made.is_interrupted = [] { return stop_asked(); };
    if (isatty(STDERR_FILENO) != 0)
        made.tell = [&chosen](const projection::rebuild_progress& told) { say(chosen, text_of(told)); };
    return made;
}

standing_versions::standing_versions(projection::version_store& store, const std::string& name)
{
    for (auto& each : store.all())
        if (each.projection == name)
            all.push_back(std::move(each));
}

const projection::version* standing_versions::in_state(std::string_view state) const
{
    const auto found = std::ranges::find(all, state, &projection::version::state);
    return found == all.end() ? nullptr : &*found;
}

const projection::version& standing_versions::numbered(int number) const
{
    const auto found = std::ranges::find(all, number, &projection::version::number);
    if (found == all.end())
        throw failure(not_found, "not_found", "there is no version " + std::to_string(number));
    return *found;
}

const projection::version& standing_versions::meant(int number, std::string_view state, const char* otherwise) const
{
    if (number != 0)
        return numbered(number);
    const auto found = std::find_if(all.rbegin(), all.rend(), [&](const auto& each) { return each.state == state; });
    if (found == all.rend())
        throw failure(refused, "not_now", otherwise);
    return *found;
}

void begin_version(schema::json_writer& json, const projection::version& each)
{
    json.begin_object().member("name", each.projection).key("version").integer(each.number);
    json.key("definition").integer(each.definition).member("state", each.state);
}

std::pair<CLI::App*, std::shared_ptr<version_options>>
add_version_verb(CLI::App& noun, program& chosen, const char* name, const char* text,
                 exit_status (*run)(const program&, const version_options&))
{
    auto given = std::make_shared<version_options>();
    auto& verb = add_verb(noun, name, text);
    verb.callback([&chosen, given, run] { chosen.run = [&chosen, given, run] { return run(chosen, *given); }; });
    return {&verb, given};
}

CLI::Option* add_version_named(CLI::App& verb, version_options& given, const char* which)
{
    verb.add_option("name", given.names, "A read model, as `projection list` names it")->required()->expected(1);
    const auto read = [&given](const CLI::results_t& said) {
        if (said.front().empty())
            throw CLI::CallForVersion("clientflow " CLIENTFLOW_VERSION, done);
        const auto& text = said.front();
        const auto end = std::from_chars(text.data(), text.data() + text.size(), given.number);
        return end.ec == std::errc{} && end.ptr == text.data() + text.size() && given.number > 0;
    };
    return verb.add_option("--version,--version-number", read, which)->type_name("N")->expected(0, 1);
}
void await_same_events(projection::version_store& store, const projection::version& one,
                       const projection::version& other)
{
    const auto until = std::chrono::steady_clock::now() + meeting_time_max;
    while (!store.lanes_apart(one, other).empty() && !stop_asked() && std::chrono::steady_clock::now() < until)
        std::this_thread::sleep_for(meeting_pause);
}
}  // namespace cli
