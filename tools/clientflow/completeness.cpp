// See completeness.hpp.
#include "tools/clientflow/completeness.hpp"

#include "commands/reckoning.hpp"
#include "events/catalogue.hpp"
#include "events/log/connection.hpp"
#include "events/log/store.hpp"
#include "projections/catalogue.hpp"

#include <algorithm>
#include <map>
#include <span>
#include <stdexcept>
#include <thread>
#include <utility>

namespace cli
{
namespace
{
using steady = std::chrono::steady_clock;

constexpr std::chrono::milliseconds behind_look_apart{100};
constexpr int mend_attempts_max = 50;  // of one tenant's claims and quotas, while it is written to

projection::row_audit_config audit_of(const settings& of, const std::shared_ptr<event_log::watchdog>& guard)
{
    projection::row_audit_config made;
    made.rows.connection.dsn = of.store.dsn;
    made.rows.connection.password_file = of.store.password_file;
    made.rows.watchdog = guard;
    made.keys = of.store;
    made.keys.guard = guard;
    return made;
}

std::string_view word(projection::row_difference::kind what, bool is_total)
{
    using kind = projection::row_difference::kind;
    switch (what)
    {
    case kind::missing:
        return is_total ? "total_missing" : "row_missing";
    case kind::unexpected:
        return is_total ? "total_unexpected" : "row_unexpected";
    default:
        return is_total ? "total_differs" : "row_differs";
    }
}

std::string_view word(lanes::standing_difference::kind what)
{
    using kind = lanes::standing_difference::kind;
    switch (what)
    {
    case kind::claim_missing:
        return "claim_missing";
    case kind::claim_unexpected:
        return "claim_unexpected";
    case kind::claim_of_other:
        return "claim_of_other";
    default:
        return "quota_differs";
    }
}
}  // namespace

std::string finding::text() const
{
    std::string made{what};
    if (of != nullptr)
        made += "  " + std::string{of->name} + " v" + std::to_string(of->version);
    made += "  lane " + std::to_string(lane);
    if (sequence > 0)
        made += ':' + std::to_string(sequence);
    if (tenant)
        made += "  " + event_log::text_of("org", *tenant);
    for (const auto* each : {&key, &detail})
        if (!each->empty())
            made += "  " + *each;
    return made;
}

struct completeness::implementation
{
    implementation(const settings& given, event_log::keyring& ring, std::shared_ptr<event_log::watchdog> dog)
        : of(given)
        , guard(std::move(dog))
        , store([&] {
            auto made = given.store;
            made.guard = guard;
            return made;
        }())
        , versions(audit_of(given, guard).rows)
        , rows(audit_of(given, guard), ring)
        , standing(store, ring, rules::standing_rules())
        , mending(audit_of(given, guard), ring)
    {}

    // What readers are shown.
    std::shared_ptr<const projection::models> live()
    {
        versions.open();
        auto found = versions.live(projection::read_models());
        for (const auto* code : projection::read_models())
            if (std::ranges::none_of(found, [&](const auto& each) { return each->code.name == code->name; }))
                found.push_back(std::make_unique<projection::model>(
                    *code, projection::version{std::string{code->name}, code->version, code->version,
                                               projection::digest_of(*code), std::string{code->table},
                                               std::string{projection::version_state::live}}));
        return std::make_shared<const projection::models>(std::move(found));
    }

    const settings& of;
    std::shared_ptr<event_log::watchdog> guard;
    event_log::store_config store;
    projection::version_store versions;
    projection::row_audit rows;
    lanes::standing_audit standing;
    projection::row_mending mending;
};

namespace
{
// One pass under way.
class walk
{
public:
    walk(std::shared_ptr<const projection::models> versions, projection::row_audit& rows,
         lanes::standing_audit& standing, const audit_scope& scope, const std::function<bool()>& go_on)
        : shown_(projection::definitions_of(*versions)), rows_(rows), standing_(standing), scope_(scope), go_on_(go_on)
    {
        made_.versions = std::move(versions);
    }

    completeness_report run()
    {
        rows_.open();
        std::vector<projection::audited_tenant> whose;
        for (const auto& each : rows_.tenants())
            if (!scope_.tenant || each.tenant == *scope_.tenant)
                whose.push_back(each);
        made_.is_finished = count_lanes(whose) && look_at_positions() && look_at_lines(whose) &&
                            look_at_tenants(whose) && look_at_strangers();
        return std::move(made_);
    }

private:
    void add(finding found)
    {
        ++made_.differences;
        if (made_.findings.size() < scope_.findings_max)
            made_.findings.push_back(std::move(found));
    }

    bool is_wanted(std::int32_t lane, const std::vector<projection::audited_tenant>& whose) const
    {
        return !scope_.tenant || std::ranges::any_of(whose, [&](const auto& each) { return each.lane == lane; });
    }

    bool count_lanes(const std::vector<projection::audited_tenant>& whose)
    {
        for (const auto lane : rows_.lanes())
        {
            if (!is_wanted(lane, whose))
                continue;
            projection::audited_lane seen;
            if (scope_.tenant)
            {
                made_.lanes.push_back(rows_.look_at_head(lane));
                continue;
            }
            do
            {
                seen = rows_.count(lane, seen.counted_to);
                if (!go_on_())
                    return false;
            } while (!seen.first_gap && seen.counted_to < seen.head);
            seen.lane = lane;
            if (seen.first_gap)
                add({"lane_gap", nullptr, lane, {}, {}, {}, *seen.first_gap, "the log has no event there"});
            made_.lanes.push_back(seen);
        }
        return true;
    }

    bool look_at_positions()
    {
        const auto until = steady::now() + scope_.patience;
        std::map<std::int32_t, std::int64_t> heads;
        for (const auto& lane : made_.lanes)
            heads[lane.lane] = lane.head;
        const auto is_behind = [&](const projection::audited_position& each) {
            const auto head = heads.find(each.lane);
            return head != heads.end() && each.seq < head->second;
        };
        made_.positions = rows_.positions(shown_);
        while (std::ranges::any_of(made_.positions, is_behind) && steady::now() < until)
        {
            std::this_thread::sleep_for(behind_look_apart);
            if (!go_on_())
                return false;
            made_.positions = rows_.positions(shown_);
        }
        std::erase_if(made_.positions, [&](const auto& each) { return !heads.contains(each.lane); });
        for (const auto& each : made_.positions)
            if (each.is_beyond_log)
                add({"position_beyond_log",
                     each.of,
                     each.lane,
                     {},
                     {},
                     {},
                     each.seq,
                     "the lane ends at " + std::to_string(each.head)});
            else if (each.is_of_other_event)
                add({"position_of_other_event",
                     each.of,
                     each.lane,
                     {},
                     {},
                     {},
                     each.seq,
                     "the log holds another event there"});
            else if (scope_.patience.count() > 0 && is_behind(each))
                add({"behind",
                     each.of,
                     each.lane,
                     {},
                     {},
                     {},
                     each.seq,
                     "the lane is at " + std::to_string(heads[each.lane])});
        return go_on_();
    }

    // Appended rows, lane by lane along the log, and then what stands there beside.
    bool look_at_lines(const std::vector<projection::audited_tenant>& whose)
    {
        for (const auto* of : shown_)
            if (of->kind == projection::row_kind::appended && !look_at_lines(*of, whose))
                return false;
        return true;
    }

    // Of one tenant by where its events lie, as far as these can be remembered; else along the lanes.
    bool look_at_lines(const projection::definition& of, const std::vector<projection::audited_tenant>& whose)
    {
        if (scope_.tenant && !whose.empty())
            if (const auto places = rows_.places(of, whose.front()))
                return look_at_lines_at(of, whose.front(), *places, lines_[&of]);
        for (const auto& lane : made_.lanes)
            if (!look_at_lines(of, lane.lane, lines_[&of]))
                return false;
        return true;
    }

    bool look_at_lines_at(const projection::definition& of, const projection::audited_tenant& whose,
                          std::span<const projection::line_key> places, projection::line_tallies& tallies)
    {
        while (!places.empty())
        {
            const auto now = places.first(std::min(places.size(), projection::row_audit_config{}.lines_max));
            note_lines(of, whose.lane, rows_.lines_at(of, whose.lane, now, tallies).differences);
            places = places.subspan(now.size());
            if (!go_on_())
                return false;
        }
        for (std::optional<projection::line_key> after{projection::line_key{}}; after;)
        {
            const auto slice = rows_.unexpected_lines_of(of, whose, after->seq, tallies);
            note_lines(of, whose.lane, slice.differences);
            after = slice.next;
            if (!go_on_())
                return false;
        }
        return true;
    }

    bool look_at_lines(const projection::definition& of, std::int32_t lane, projection::line_tallies& tallies)
    {
        for (std::optional<std::int64_t> after{0}; after;)
        {
            const auto slice = rows_.lines(of, lane, *after, tallies);
            note_lines(of, lane, slice.differences);
            after = slice.next;
            if (!go_on_())
                return false;
        }
        for (std::optional<projection::line_key> after{projection::line_key{}}; after;)
        {
            const auto slice = rows_.unexpected_lines(of, lane, *after, tallies);
            note_lines(of, lane, slice.differences);
            after = slice.next;
            if (!go_on_())
                return false;
        }
        return true;
    }

    void note_lines(const projection::definition& of, std::int32_t lane,
                    const std::vector<projection::row_difference>& differences)
    {
        for (const auto& each : differences)
            if (!scope_.tenant || each.key.tenant == *scope_.tenant)
                add({word(each.what, false),
                     &of,
                     lane,
                     each.key.tenant,
                     {},
                     std::to_string(lane) + ':' + std::to_string(each.last_seq),
                     each.last_seq,
                     {}});
    }

    bool look_at_tenants(const std::vector<projection::audited_tenant>& whose)
    {
        for (const auto& each : whose)
        {
            auto& told = made_.tenants.emplace_back();
            told.whose = each;
            for (const auto* of : shown_)
                if (of->kind == projection::row_kind::appended)
                    tell_lines(*of, told);
                else if (!look_at_rows(*of, told))
                    return false;
            if (!look_at_standing(each))
                return false;
        }
        return true;
    }

    void tell_lines(const projection::definition& of, tenant_report& told)
    {
        const auto& seen = lines_[&of][told.whose.tenant];
        told.models.push_back({&of, seen.rows, seen.events, seen.digests, true});
    }

    bool look_at_rows(const projection::definition& of, tenant_report& told)
    {
        audited_rows seen;
        seen.of = &of;
        for (std::optional<schema::uuid> after{schema::uuid{}}; after;)
        {
            const auto slice = rows_.rows(of, told.whose, *after, seen.digests);
            seen.rows += slice.rows;
            seen.events += slice.events;
            seen.is_compared = slice.is_foldable_by_stream;
            note(of, told.whose, slice.differences);
            if (slice.stream_with_hole)
                add({"stream_hole", &of, told.whose.lane, told.whose.tenant, *slice.stream_with_hole,
                     event_log::text_of(of.category, *slice.stream_with_hole), 0, "its versions do not count on"});
            after = slice.next;
            if (!go_on_())
                return false;
        }
        note(of, told.whose, rows_.totals(of, told.whose));
        told.models.push_back(seen);
        return go_on_();
    }

    void note(const projection::definition& of, const projection::audited_tenant& whose,
              const std::vector<projection::row_difference>& differences)
    {
        for (const auto& each : differences)
            add({each.is_of_terms ? "row_terms_differ" : word(each.what, !each.total.empty()),
                 &of,
                 whose.lane,
                 whose.tenant,
                 each.key.id,
                 each.total.empty() ? event_log::text_of(of.category, each.key.id) : each.total,
                 each.last_seq,
                 {}});
    }

    bool look_at_standing(const projection::audited_tenant& whose)
    {
        const auto seen = standing_.look(whose.tenant, whose.lane);
        made_.claims += seen.claims;
        made_.totals += seen.totals;
        for (const auto& each : seen.differences)
        {
            const bool is_total = each.what == lanes::standing_difference::kind::total_differs;
            add({word(each.what), nullptr, whose.lane, whose.tenant, each.owner.id, each.name, 0,
                 is_total ? "is " + std::to_string(each.found) + ", must be " + std::to_string(each.wanted)
                          : event_log::text_of(each.owner.category, each.owner.id)});
        }
        return go_on_();
    }

    bool look_at_strangers()
    {
        if (!scope_.tenant)
            for (const auto& each : standing_.strangers())
                add({"of_no_tenant", nullptr, 0, {}, {}, each, 0, {}});
        return go_on_();
    }

    const std::vector<const projection::definition*> shown_;
    projection::row_audit& rows_;
    lanes::standing_audit& standing_;
    const audit_scope& scope_;
    const std::function<bool()>& go_on_;
    std::map<const projection::definition*, projection::line_tallies> lines_;
    completeness_report made_;
};

bool is_of_lines(const finding& each)
{
    return each.of != nullptr && each.of->kind == projection::row_kind::appended && each.what.starts_with("row_");
}

bool is_of_rows(const finding& each) { return each.what.starts_with("row_") || each.what.starts_with("total_"); }
bool is_of_position(const finding& each) { return each.what.starts_with("position_"); }
// Nobody has taken a step in a lane that has events: it was never served, or its position was deleted.
bool is_missing(const projection::audited_position& each) { return each.step == 0 && each.head > 0; }
bool is_of_standing(const finding& each) { return each.what.starts_with("claim_") || each.what == "quota_differs"; }
}  // namespace

completeness::completeness(const settings& of, event_log::keyring& keys, std::shared_ptr<event_log::watchdog> guard)
    : self_(std::make_unique<implementation>(of, keys, std::move(guard)))
{}
completeness::~completeness() = default;

completeness_report completeness::pass(const audit_scope& scope, const std::function<bool()>& go_on)
{
    const auto numbers = [](const projection::models& all) {
        std::map<std::string, int> made;
        for (const auto& each : all)
            made[each->which.projection] = each->which.number;
        return made;
    };
    // Again when another version was shown meanwhile: what was looked at is not what readers see.
    for (;;)
    {
        auto made = walk{self_->live(), self_->rows, self_->standing, scope, go_on}.run();
        if (!made.is_finished || numbers(*made.versions) == numbers(*self_->live()))
            return made;
    }
}

projection::stopped_keys completeness::stopped() { return self_->rows.stopped(); }
projection::standing_builds completeness::builds() { return self_->rows.builds(); }

completeness::repaired completeness::mend(const completeness_report& found, const std::string& as_operator)
{
    repaired made;
    for (const auto& each : found.findings)
        if (is_of_position(each))
        {
            self_->mending.position(*each.of, each.lane);
            ++made.positions;
        }

    std::map<std::pair<const projection::definition*, std::int32_t>, std::vector<projection::line_key>> lines;
    std::map<std::pair<const projection::definition*, schema::uuid>, std::vector<schema::uuid>> rows;
    std::map<schema::uuid, std::int32_t> lane_of, standing;
    for (const auto& each : found.findings)
    {
        if (each.tenant)
            lane_of[*each.tenant] = each.lane;
        if (is_of_lines(each))
            lines[{each.of, each.lane}].push_back({*each.tenant, each.sequence});
        else if (is_of_rows(each))
        {
            auto& keys = rows[{each.of, *each.tenant}];
            if (each.what.starts_with("row_"))
                keys.push_back(each.id);
        }
        else if (is_of_standing(each))
            standing[*each.tenant] = each.lane;
    }
    for (const auto& [which, keys] : lines)
        for (std::size_t at = 0; at < keys.size(); at += projection::row_mending::lines_max)
        {
            const std::span<const projection::line_key> all{keys};
            const auto some = all.subspan(at, std::min(projection::row_mending::lines_max, keys.size() - at));
            const auto done = self_->mending.lines(*which.first, which.second, some);
            made.rows += done.written;
            made.removed += done.removed;
        }
    for (const auto& [which, keys] : rows)
        for (std::size_t at = 0; at == 0 || at < keys.size(); at += projection::row_mending::keys_max)
        {
            const std::span<const schema::uuid> all{keys};
            const auto some = all.subspan(at, std::min(projection::row_mending::keys_max, keys.size() - at));
            const auto done = self_->mending.rows(*which.first, {which.second, lane_of[which.second]}, some);
            made.rows += done.written;
            made.removed += done.removed;
            made.totals += done.totals;
        }

    // Behind their rows: from the step that this takes on, whoever serves the lane folds it from its first event.
    for (const auto& each : found.positions)
        if (is_missing(each))
        {
            self_->mending.position(*each.of, each.lane);
            ++made.positions;
        }
    if (standing.empty())
        return made;
    event_log::connection_config how;
    how.dsn = as_operator;
    how.application_name = "clientflow audit repair";
    event_log::connection admin{how, self_->guard};
    for (const auto& [tenant, lane] : standing)
    {
        int attempts = 0;
        while (!lanes::mend(admin, self_->standing.look(tenant, lane)))
            if (++attempts == mend_attempts_max)
                throw std::runtime_error("the tenant " + event_log::text_of("org", tenant) +
                                         " is written to all the time: try again");
        ++made.tenants;
    }
    return made;
}

bool completeness_report::lacks_position() const { return std::ranges::any_of(positions, is_missing); }
}  // namespace cli
