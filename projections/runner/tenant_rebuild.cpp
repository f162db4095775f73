#include "projections/runner/tenant_rebuild.hpp"

#include "projections/runner/around.hpp"
#include "schemas/assertion.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace projection
{
namespace
{
// The tenant's rows as the log makes them, up to some seq of its lane.
class tenant_fold
{
public:
    // `stopped`: keys of the tenant that are stopped, and from which event on; they stay so.
    tenant_fold(const definition& of, const uuid& tenant, std::int32_t lane, std::map<row_key, std::int64_t> stopped)
        : of_(of), tenant_(tenant), lane_(lane), were_stopped_(std::move(stopped))
    {}

    // Whether it can be gone on with: the lane is not behind it, and the same keys are stopped.
    bool leads_to(std::int64_t seq, const std::map<row_key, std::int64_t>& stopped) const
    {
        return seq >= seq_ && stopped == were_stopped_;
    }

    void fold_up_to(std::int64_t seq, const tenant_rebuild_parts& with)
    {
        while (seq_ < seq)
        {
            const position from{lane_, seq_};
            auto events = with.feed.read({&from, 1});
            if (events.empty())
                throw std::runtime_error("the log ends before the position of a read model in lane " +
                                         std::to_string(lane_));
            std::erase_if(events, [&](const recorded& each) { return each.at.seq > seq; });
            seq_ = events.back().at.seq;
            std::erase_if(events, [&](const recorded& each) {
                return each.stream.tenant != tenant_ || each.stream.category != of_.category;
            });
            const auto held = with.keys.fetch(events);
            fold(events, with.keys.open());
        }
    }

    renewed_tenant renewed(const checkpoint& step) const
    {
        renewed_tenant made{step, tenant_, rows_, {}, parked_};
        for (const auto& [key, value] : totals_)
            if (value != 0)
                made.totals.emplace_back(key, value);
        return made;
    }

    std::uint64_t events() const { return events_; }

private:
    void fold(const std::vector<recorded>& events, const opening& open)
    {
        const definition* of = &of_;
        folding batch{{&of, 1}};
        for (const auto& each : events)
            batch.add(
                each, [](const definition&, std::int32_t) { return std::int64_t{0}; },
                [&](const definition&, const row_key& key) {
                    const auto found = were_stopped_.find(key);
                    return stopped_.contains(key) || (found != were_stopped_.end() && found->second <= each.at.seq);
                });
        for (row_slot* slot : batch.wanted())
            if (const auto found = rows_.find(slot->key); found != rows_.end())
                slot->before = found->second;
        batch.fold(open);
        for (row_slot* slot : batch.changed())
            rows_[slot->key] = std::move(slot->after);
        for (const auto& [key, change] : batch.deltas())
            add(totals_[key], change.amount);
        for (const auto& key : batch.stopped())
        {
            stopped_.insert(key.key);
            parked_.push_back(key);
        }
        events_ += batch.folded();
    }

    const definition& of_;
    const uuid tenant_;
    const std::int32_t lane_;
    const std::map<row_key, std::int64_t> were_stopped_;
    std::int64_t seq_ = 0;
    std::uint64_t events_ = 0;
    std::map<row_key, std::string> rows_;
    std::map<total_key, std::int64_t> totals_;
    std::set<row_key> stopped_;
    std::vector<parked_key> parked_;
};

std::optional<checkpoint> checkpoint_of(row_store& rows, const definition& of, std::int32_t lane)
{
    for (auto& each : rows.checkpoints({&lane, 1}))
        if (each.of == &of)
            return std::move(each);
    return std::nullopt;
}
}  // namespace

namespace
{
std::map<row_key, std::int64_t> stopped_keys(row_store& rows, const definition& of, const uuid& tenant,
                                             std::int32_t lane)
{
    std::map<row_key, std::int64_t> found;
    for (const auto& each : rows.parked({&lane, 1}))
        if (each.of == &of && each.key.tenant == tenant)
            found[each.key] = each.from_seq;
    return found;
}
}  // namespace

tenant_rebuilt rebuild_tenant(const tenant_rebuild_parts& with, const definition& of, const uuid& tenant,
                              std::int32_t lane)
{
    CF_ASSERT(of.kind == row_kind::folded);
    const auto until = std::chrono::steady_clock::now() + with.patience;
    std::optional<tenant_fold> folded;
    do
    {
        // The step first: what is read behind it is not older.
        auto at = checkpoint_of(with.rows, of, lane);
        if (!at)
            return {true, 0, 0, 0};  // nothing was ever folded, so there is nothing to renew
        const auto stopped = stopped_keys(with.rows, of, tenant, lane);
        if (!folded || !folded->leads_to(at->seq, stopped))
            folded.emplace(of, tenant, lane, stopped);
        folded->fold_up_to(at->seq, with);
        ++at->step;
        ++at->generation;
        const auto made = folded->renewed(*at);
        try
        {
            with.rows.renew(made);
            return {true, folded->events(), made.rows.size(), stopped.size() + made.parked.size()};
        }
        catch (const lost_race&)
        {
            // The lane went on: what came meanwhile is folded, and it is tried again.
        }
    } while (std::chrono::steady_clock::now() < until);
    return {false, folded ? folded->events() : 0, 0, 0};
}
}  // namespace projection
