#include "projections/runner/rebuild.hpp"

#include "events/log/store.hpp"
#include "projections/catalogue.hpp"
#include "projections/runner/lane_fold.hpp"
#include "projections/runner/personal_keys.hpp"
#include "projections/runner/projector.hpp"
#include "projections/runner/row_cache.hpp"
#include "projections/runner/side_by_side.hpp"
#include "schemas/assertion.hpp"
#include "schemas/fault_point.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <numeric>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <variant>

namespace projection
{
namespace
{
using steady = std::chrono::steady_clock;

std::uint64_t rows_in(const lane_progress& lane, std::string_view projection)
{
    const auto found = lane.rows.find(projection);
    return found == lane.rows.end() ? 0 : found->second;
}

struct retired_meanwhile
{};
struct interrupted
{};

// Folds on as the runner does it, until no more than `close_enough` events are left. False: somebody else has taken a
// lane.
bool fold_as_the_runner(const rebuild_config& config, std::span<const definition* const> definitions,
                        event_log::keyring& ring, const schema::clock& clock, event_feed::feed& feed,
                        std::int64_t close_enough, const std::function<void()>& between)
{
    row_store rows{config.rows, definitions};
    positions nobody_waits;
    projector_config how;
    how.lanes = config.lanes;
    how.beside.assign(definitions.begin(), definitions.end());
    projector core{how, definitions, rows, nullptr, nobody_waits, clock};
    core.open();
    personal_keys keys{ring, config.keys};
    for (;;)
    {
        between();
        const auto from = core.after();
        if (from.size() != config.lanes.size())
            return false;
        const auto events = feed.read(from);
        {
            const auto held = keys.fetch(events);
            core.apply(events, keys.open());
        }
        std::int64_t behind = 0;
        const auto now = core.after();
        for (const auto& head : feed.heads(config.lanes))
            for (const auto& at : now)
                behind += at.lane == head.lane ? head.seq - at.seq : 0;
        if (behind <= close_enough)
            return now.size() == config.lanes.size();
    }
}

// The way of one build, step by step.
class building
{
public:
    building(const rebuild_config& config, std::span<const definition* const> of_code, event_log::keyring& ring,
             const schema::clock& clock)
        : config_(config)
        , code_(of_code)
        , ring_(ring)
        , clock_(clock)
        , versions_(soon_missed(config.rows))
        , patient_versions_(patient(config.rows))
        , feed_(config.feed())
    {}

    rebuilt run(bool goes_on)
    {
        rebuilt made;
        try
        {
            patiently([&] { begin(goes_on); });
            for (const auto& each : models_)
                made.versions.push_back(each->which);
            fold_lanes();
            progress_.now = rebuild_progress::phase::indexing;
            tell(true);
            patiently([&] { finish(); });
            FAULT_POINT("rebuild.finished");
            patiently([&] { catch_up(); });
            FAULT_POINT("rebuild.caught_up");
            for (const auto& each : models_)
                patiently([&] { show_beside(*each); });
        }
        catch (const interrupted&)
        {
            made.what = rebuilt::end::interrupted;
        }
        catch (const retired_meanwhile&)
        {
            made.what = rebuilt::end::cancelled;
        }
        read_states(made.versions);
        made.progress = progress_;
        made.stopped_keys = stopped_;
        return made;
    }

private:
    // Its session holds the claims: when our host is gone without a word, the server ends it within half a minute.
    static row_store_config soon_missed(row_store_config rows)
    {
        for (const auto& [name, value] : {std::pair{"idle", "10"}, std::pair{"interval", "5"}, std::pair{"count", "3"}})
            rows.connection.settings.emplace_back(std::string{"tcp_keepalives_"} + name, value);
        return rows;
    }

    // Again and again while the database is away; what it refuses is thrown on.
    template <class Work>
    void patiently(Work work)
    {
        std::optional<steady::time_point> until;  // from the first failure on
        for (auto pause = config_.pause_min;; pause = std::min(pause * 2, config_.pause_max))
        {
            check();
            const bool is_last = until && steady::now() >= *until;
            try
            {
                if (!versions_.is_open())
                {
                    versions_.open();
                    claim_again();
                }
                return work();
            }
            catch (const store_failed& fault)
            {
                if (fault.was_refused || is_last)
                    throw;
            }
            catch (const event_log::unreachable&)
            {
                if (is_last)
                    throw;
            }
            until = until.value_or(steady::now() + config_.patience);
            std::this_thread::sleep_for(pause);
        }
    }

    // What cannot be read now stays as it was known.
    void read_states(std::vector<version>& these)
    try
    {
        const auto standing = versions_.all();
        for (auto& each : these)
        {
            const auto found = std::ranges::find_if(standing, [&](const version& one) {
                return one.projection == each.projection && one.number == each.number;
            });
            each.state = found == standing.end() ? std::string{version_state::retired} : found->state;
        }
    }
    catch (const store_failed&)
    {}

    void check() const
    {
        if (config_.is_interrupted && config_.is_interrupted())
            throw interrupted{};
    }

    void begin(bool goes_on)
    {
        versions_.register_missing(read_models());
        expect_room(goes_on);
        models_.clear();
        take_all(goes_on);
        std::ranges::sort(models_, {}, [&](const auto& each) {
            return std::ranges::find(code_, each->code.name, &definition::name) - code_.begin();
        });
        definitions_ = definitions_of(models_);
        if (models_.empty())
            throw not_now("everything that was begun stands beside the live ones already");
        progress_.lanes.clear();
        noted_.clear();
        const auto heads = feed_->heads(config_.lanes);
        progress_.events_of_all = 0;
        for (const auto& head : heads)
        {
            progress_.lanes.push_back({head.lane, 0, head.seq, {}, false});
            progress_.events_of_all += head.seq;
        }
        count_rows();
        begun_at_ = steady::now();
    }

    // Those that are under way first, and all by name, as every program does: of several that want the same ones, one
    // gets them.
    void take_all(bool goes_on)
    {
        std::vector<const definition*> these{code_.begin(), code_.end()};
        std::ranges::sort(these, {}, &definition::name);
        for (const bool also_fresh : {false, true})
            for (const definition* of : these)
                if (!is_taken(*of) && (also_fresh || versions_.under_way(of->name)))
                    take(*of, goes_on);
    }

    bool is_taken(const definition& of) const
    {
        return std::ranges::any_of(models_, [&](const auto& each) { return each->code.name == of.name; });
    }

    // The version that is under way, or a fresh one: ours to build from now on. None where it was built already.
    void take(const definition& of, bool goes_on)
    {
        auto which = versions_.under_way(of.name);
        if (!which && goes_on && is_built(of))
            return;
        if (which && (which->definition != of.version || which->digest != digest_of(of)))
            throw not_now("version " + std::to_string(which->number) + " of " + which->projection +
                          " was begun by a program with another definition: cancel it with `projection retire`");
        if (which && !goes_on && !begun_.contains(of.name))
            throw not_now("version " + std::to_string(which->number) + " of " + which->projection +
                          " is being built: go on with it, or cancel it");
        if (which)
        {
            versions_.claim(*which);
            versions_.go_on(of, *which);
        }
        else
            which = versions_.begin(of);
        begun_.insert(of.name);
        models_.push_back(std::make_unique<model>(of, *which));
    }

    // With a new connection: the claims went with the one before. What is not under way any more is left to those steps
    // that expect it.
    void claim_again()
    {
        for (const auto& each : models_)
            if (versions_.under_way(each->which.projection) == each->which)
                versions_.claim(each->which);
    }

    // What stands in the tables: of lanes that were done by a run before this one.
    void count_rows()
    {
        if (!patient_versions_.is_open())
            patient_versions_.open();
        for (const auto& each : models_)
        {
            const auto found = patient_versions_.rows_by_lane(each->which);
            for (auto& lane : progress_.lanes)
                if (const auto rows = found.find(lane.lane); rows != found.end())
                    lane.rows[each->which.projection] = rows->second;
        }
    }

    // Of all of them before the first one is begun.
    void expect_room(bool goes_on)
    {
        for (const definition* of : code_)
            if (!versions_.under_way(of->name) && !(goes_on && is_built(*of)))
                versions_.expect_room_beside(*of);
    }

    // By a run before this one, which was cut off while others of its versions were not yet done.
    bool is_built(const definition& of)
    {
        int live = 0, newest = 0;
        for (const auto& each : versions_.all())
            if (each.projection == of.name)
            {
                const bool is_ours = each.definition == of.version && each.digest == digest_of(of);
                live = each.state == version_state::live ? each.number : live;
                newest = is_ours && each.state == version_state::beside ? std::max(newest, each.number) : newest;
            }
        return newest > live && !versions_.under_way(of.name);
    }

    void fold_lanes()
    {
        for (auto& lane : progress_.lanes)
        {
            patiently([&] { missing_ = not_written(definitions_, lane.lane); });
            if (missing_.empty())
            {
                lane.seq = lane.mark;
                lane.is_done = true;
                progress_.events += lane.mark;
                done_before_ += lane.mark;
                continue;
            }
            fold_lane(lane);
        }
    }

    std::vector<const definition*> not_written(std::vector<const definition*> left, std::int32_t lane)
    {
        lane_copy store{config_.rows, left};
        store.open();
        std::erase_if(left, [&](const definition* of) { return store.is_written(*of, lane); });
        return left;
    }

    void fold_lane(lane_progress& progress)
    {
        if (!scratch_)
            scratch_.emplace(
                cache_config{config_.room, config_.scratch_cache_bytes, config_.scratch_buffer_bytes, 64, true});
        patiently([&] { incarnation_ = read_incarnation(); });
        lane_fold lane{progress.lane, missing_, *scratch_};
        fold_up_to_mark(lane, progress);
        FAULT_POINT("rebuild.lane_folded");
        patiently([&] { copy(lane, progress); });
        progress.is_done = true;
        stopped_ += lane.stopped();
        tell(false);
    }

    void fold_up_to_mark(lane_fold& lane, lane_progress& progress)
    {
        std::optional<personal_keys> keys;
        std::vector<recorded> events;                   // being folded; kept while the database is away
        std::future<std::vector<recorded>> read_ahead;  // what follows is read while this is folded
        const auto read_behind = [&](const position& from) {
            read_ahead = std::async(std::launch::async, [this, from] { return feed_->read({&from, 1}); });
        };
        while (lane.at().seq < progress.mark)
            patiently([&] {
                if (!keys)
                    keys.emplace(ring_, config_.keys);
                if (events.empty())
                {
                    if (!read_ahead.valid())
                        read_behind(lane.at());
                    events = read_ahead.get();
                    std::erase_if(events, [&](const recorded& each) { return each.at.seq > progress.mark; });
                }
                if (events.empty())
                    throw std::runtime_error("the log of lane " + std::to_string(progress.lane) +
                                             " ends before the head that it had");
                if (events.back().at.seq < progress.mark && !read_ahead.valid())
                    read_behind(events.back().at);
                const auto held = keys->fetch(events);
                lane.fold(events, keys->open());
                progress.seq = lane.at().seq;
                progress_.events += static_cast<std::int64_t>(events.size());
                events.clear();
                tell(false);
            });
    }

    void copy(lane_fold& lane, lane_progress& progress)
    {
        auto left = not_written(missing_, progress.lane);
        if (left.size() < missing_.size())
            count_rows();  // written by an attempt that failed later, or whose last answer was lost
        if (!left.empty() && read_incarnation() != incarnation_)
            throw std::runtime_error("the log belongs to another history than when this lane was begun (a failover): "
                                     "go on with --resume, which folds the lane again");
        std::ranges::stable_sort(left, std::greater{}, &definition::kind);  // of the appended ones each event has a row
        while (!left.empty())
            left = copy(lane, progress, left);
    }

    // Answers those of which the database refused rows, which are out of the fold then.
    std::vector<const definition*> copy(lane_fold& lane, lane_progress& progress,
                                        std::span<const definition* const> these)
    try
    {
        std::vector<refused_rows> refused;
        std::mutex finding;  // `refused` and `progress`
        side_by_side(config_.copy_sessions, these.size(), [&] {
            auto store = std::make_unique<lane_copy>(config_.rows, these);
            store->open();
            return [&, store = std::move(store)](std::size_t turn) {
                check();
                const auto copied = lane.copied(*these[turn], incarnation_, config_.page_rows);
                const auto written = write(*store, copied);
                const std::lock_guard lock{finding};
                if (const auto* rows = std::get_if<std::uint64_t>(&written))
                    progress.rows[std::string{these[turn]->name}] = *rows;
                else
                    refused.push_back(std::get<refused_rows>(written));
            };
        });
        std::vector<const definition*> again;
        for (const auto& each : refused)
        {
            for (const auto& [key, sqlstate] : each.rows)
                lane.refuse(*each.of, key, sqlstate);
            again.push_back(each.of);
        }
        return again;
    }
    catch (const lost_race&)
    {
        expect_under_way();
        throw not_now("somebody else builds lane " + std::to_string(progress.lane) + " of the same versions");
    }
    catch (const store_failed&)
    {
        expect_under_way();
        throw;
    }

    struct refused_rows
    {
        const definition* of = nullptr;
        std::vector<std::pair<row_key, std::string>> rows;
    };

    static std::variant<std::uint64_t, refused_rows> write(lane_copy& store, const copied_lane& copied)
    try
    {
        return store.write(copied);
    }
    catch (const store_failed& fault)
    {
        if (!fault.by_data || copied.lines != nullptr)  // a line is made of what the database took before
            throw;
        refused_rows found{copied.rows.of, store.refused(copied.rows)};
        if (found.rows.empty())
            throw store_failed("the database refuses a lane of a new version, but none of its rows", true);
        return found;
    }

    // Throws when a version was retired.
    void expect_under_way()
    {
        for (const auto& each : models_)
            if (const auto found = versions_.under_way(each->which.projection); !found || *found != each->which)
                throw retired_meanwhile{};
    }

    std::string read_incarnation()
    {
        row_store store{config_.rows, definitions_};
        store.open();
        return store.incarnation();
    }

    // Keys, indexes and row security; what was finished before the database went away is found so.
    void finish()
    try
    {
        side_by_side(config_.copy_sessions, models_.size(), [&] {
            auto versions = std::make_unique<version_store>(patient(config_.rows));
            versions->open();
            return [&, versions = std::move(versions)](std::size_t turn) {
                check();
                versions->finish(*models_[turn]);
            };
        });
    }
    catch (const store_failed&)
    {
        expect_under_way();
        throw;
    }

    // As the runner does it, until little is left.
    void catch_up()
    {
        progress_.now = rebuild_progress::phase::catching_up;
        const bool is_alone =
            fold_as_the_runner(config_, definitions_, ring_, clock_, *feed_, config_.close_enough_events, [&] {
                check();
                tell(false);
            });
        if (is_alone)
            return;
        expect_under_way();  // nobody else feeds a version that is being built
        throw not_now("somebody else builds the same versions: let them end, or go on with --resume");
    }

    void show_beside(const model& of)
    {
        try
        {
            versions_.show_beside(of);
        }
        catch (const not_now&)
        {
            for (const auto& each : versions_.all())
                if (each.projection == of.which.projection && each.number == of.which.number)
                    return;  // the answer was lost, and it was done
            throw retired_meanwhile{};
        }
    }

    void tell(bool at_once)
    {
        const auto now = steady::now();
        if (!at_once && now < tell_next_)
            return;
        tell_next_ = now + config_.tell_every;
        const double seconds = std::chrono::duration<double>(now - begun_at_).count();
        const auto done = progress_.events - done_before_;
        progress_.events_per_second = seconds > 0 ? static_cast<double>(done) / seconds : 0;
        progress_.seconds_left =
            progress_.events_per_second > 0
                ? static_cast<double>(progress_.events_of_all - progress_.events) / progress_.events_per_second
                : 0;
        if (config_.tell)
            config_.tell(progress_);
        note();
    }

    // For whoever looks at the list of read models meanwhile. What cannot be noted now is noted next time.
    void note()
    try
    {
        for (const auto& each : models_)
            for (const auto& lane : progress_.lanes)
                note(each->which, lane);
    }
    catch (const store_failed&)
    {}

    // Of lanes to come as well: how long it still takes is told of all. What stands there already costs no commit.
    void note(const version& of, const lane_progress& lane)
    {
        const auto rows = static_cast<std::int64_t>(rows_in(lane, of.projection));
        const std::array now{lane.seq, lane.mark, rows};
        auto& before = noted_[{of.projection, lane.lane}];
        if (before == now)
            return;
        versions_.note_progress(of, lane.lane, lane.seq, lane.mark, rows);
        before = now;
    }

    const rebuild_config& config_;
    const std::span<const definition* const> code_;
    event_log::keyring& ring_;
    const schema::clock& clock_;
    version_store versions_, patient_versions_;
    std::unique_ptr<event_feed::feed> feed_;
    models models_;
    std::vector<const definition*> definitions_;
    std::vector<const definition*> missing_;  // in the lane at hand
    std::set<std::string_view> begun_;        // by this run
    std::optional<row_cache> scratch_;
    std::string incarnation_;
    rebuild_progress progress_;
    std::map<std::pair<std::string, std::int32_t>, std::array<std::int64_t, 3>> noted_;
    std::int64_t done_before_ = 0;
    std::size_t stopped_ = 0;
    steady::time_point begun_at_{}, tell_next_{};
};
}  // namespace

std::uint64_t rebuild_progress::rows_of(std::string_view projection) const
{
    return std::accumulate(lanes.begin(), lanes.end(), std::uint64_t{0},
                           [&](std::uint64_t sum, const auto& each) { return sum + rows_in(each, projection); });
}

std::uint64_t rebuild_progress::rows() const
{
    std::uint64_t sum = 0;
    for (const auto& lane : lanes)
        for (const auto& [projection, rows] : lane.rows)
            sum += rows;
    return sum;
}

void catch_up(const rebuild_config& config, const models& these, event_log::keyring& ring, const schema::clock& clock)
{
    const auto fed = definitions_of(these);
    const auto feed = config.feed();
    fold_as_the_runner(config, fed, ring, clock, *feed, 0, [] {});
}

rebuilt rebuild(const rebuild_config& config, std::span<const definition* const> definitions, event_log::keyring& ring,
                const schema::clock& clock, bool goes_on)
{
    return building{config, definitions, ring, clock}.run(goes_on);
}
}  // namespace projection
