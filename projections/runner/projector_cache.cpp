// The projector's dealings with its cache: when it is believed, what is read from it, how it follows and fills again.
#include "projections/runner/around.hpp"
#include "projections/runner/projector.hpp"
#include "schemas/fault_point.hpp"

#include <map>
#include <utility>

namespace projection
{
namespace
{
std::string cache_key(const row_key& key)
{
    std::string made{"r"};
    made.append(reinterpret_cast<const char*>(key.tenant.bytes.data()), key.tenant.bytes.size());
    made.append(reinterpret_cast<const char*>(key.id.bytes.data()), key.id.bytes.size());
    return made;
}

std::string cache_key(const total_key& key)
{
    std::string made{"s"};
    made.append(reinterpret_cast<const char*>(key.tenant.bytes.data()), key.tenant.bytes.size());
    return made.append(key.counter).append(1, '\0').append(key.bucket);
}

std::string cached_total(const total& held) { return std::to_string(held.seq) + ' ' + std::to_string(held.value); }

total parse_total(const std::string& text)
{
    total held;
    std::size_t end = 0;
    held.seq = std::stoll(text, &end);
    held.value = std::stoll(text.substr(end));
    return held;
}
}  // namespace

void projector::judge_cache(course& of)
{
    of.filled_rows.reset();
    of.filled_totals.reset();
    const bool is_empty = of.at.seq == 0;
    if (cache_ == nullptr || !is_cached(of))
    {
        of.is_complete = !is_cached(of);
        return;
    }
    try
    {
        const auto found = cache_->stands(space_of(of));
        auto expected = standing_of(of);
        expected.is_complete = found && found->is_complete;
        if (found && *found == expected)
            of.is_complete = found->is_complete;
        else
        {
            if (found)
                drop(of);
            of.is_complete = is_empty;
        }
    }
    catch (const cache_broken& fault)
    {
        lose_cache(fault.what());
        of.is_complete = is_empty && cache_ != nullptr;
    }
}

void projector::drop(course& of)
{
    cache_->drop(space_of(of));
    of.is_complete = false;
    of.filled_rows.reset();
    of.filled_totals.reset();
    ++counted_.cache_drops;
}

// Nothing of the cache can be read any more. The rows are in PostgreSQL, so this costs time and nothing else. A disk
// that stays full is not tried all the time.
void projector::lose_cache(const std::string& why)
{
    if (cache_ == nullptr)
        return;
    tell(report::kind::cache_lost, why);
    try
    {
        if (++cache_losses_ > config_.cache_losses_max)
            throw cache_broken("the cache was lost too often");
        cache_->start_over();
    }
    catch (const std::exception& fault)
    {
        tell(report::kind::cache_lost, std::string{"working without a cache: "} + fault.what());
        cache_ = nullptr;
        cache_again_at_ = std::chrono::steady_clock::now() + config_.cache_again_after;
    }
    forget_filled();
}

// Every space is empty from now on.
void projector::forget_filled()
{
    for (auto& state : lanes_)
        for (auto& one : state.courses)
        {
            one.is_complete = !is_cached(one) || (cache_ != nullptr && one.at.seq == 0);
            one.filled_rows.reset();
            one.filled_totals.reset();
            ++counted_.cache_drops;
        }
}

// One more loss, and it is left alone for as long again.
void projector::take_cache_again()
{
    if (cache_given_ == nullptr || std::chrono::steady_clock::now() < cache_again_at_)
        return;
    cache_again_at_ = std::chrono::steady_clock::now() + config_.cache_again_after;
    try
    {
        cache_given_->start_over();
    }
    catch (const std::exception&)
    {
        return;
    }
    cache_ = cache_given_;
    cache_losses_ = config_.cache_losses_max;
    forget_filled();
    tell(report::kind::cache_back, "a cache can be kept again");
    publish();
}

// -- Rows and totals of a batch.

void projector::load_rows(folding& batch)
{
    std::map<std::pair<const definition*, std::int32_t>, std::vector<row_slot*>> by_space;
    for (row_slot* slot : batch.wanted())
        by_space[{slot->of, slot->lane}].push_back(slot);

    std::map<const definition*, std::vector<row_slot*>> unknown;
    for (const auto& [which, slots] : by_space)
    {
        const auto& one = course_of(*which.first, which.second);
        std::vector<std::string> keys;
        for (const row_slot* slot : slots)
            keys.push_back(cache_key(slot->key));
        auto found = cache_ ? cache_->get(space_of(one), keys) : std::vector<std::optional<std::string>>(keys.size());
        for (std::size_t i = 0; i < slots.size(); ++i)
        {
            if (found[i])
                slots[i]->before = std::move(*found[i]);
            else if (!one.is_complete)
                unknown[which.first].push_back(slots[i]);
        }
    }
    for (const auto& [_, slots] : unknown)
    {
        rows_.load(slots);
        counted_.rows_loaded += slots.size();
    }
}

void projector::load_totals(const folding& batch, std::vector<commit::new_total>& out, std::span<const recorded> events)
{
    std::map<std::int32_t, std::int64_t> last;
    for (const auto& happened : events)
        last[happened.at.lane] = happened.at.seq;

    std::vector<total_key> unknown;
    std::map<total_key, total> held;
    for (const auto& [key, change] : batch.deltas())
    {
        const auto& one = course_of(*change.of, change.lane);
        const std::string cached = cache_key(key);
        const auto found = cache_ ? cache_->get(space_of(one), {&cached, 1}).front() : std::nullopt;
        if (found)
            held[key] = parse_total(*found);
        else if (!one.is_complete)
            unknown.push_back(key);
    }
    if (!unknown.empty())
        held.merge(rows_.load_totals(unknown));
    for (const auto& [key, change] : batch.deltas())
    {
        const total before = held[key];
        out.push_back({key, before, {last[change.lane], around(before.value, change.amount)}, change.of, change.lane});
    }
}

void projector::remember(const commit& made)
{
    FAULT_POINT("projection.before_cache");
    if (cache_ != nullptr)
    {
        try
        {
            row_cache::changes all;
            for (const row_slot* slot : made.rows)
                all.put(space_of(course_of(*slot->of, slot->lane)), cache_key(slot->key), slot->after);
            for (const auto& each : made.totals)
            {
                const auto& one = course_of(*each.of, each.lane);
                if (each.now.value != 0 || !one.is_complete)
                    all.put(space_of(one), cache_key(each.key), cached_total(each.now));
                else
                    all.erase(space_of(one), cache_key(each.key));
            }
            for (const auto& step : made.steps)
            {
                const auto& one = course_of(*step.of, step.lane);
                if (is_cached(one))
                    all.stand(space_of(one), standing_of(one));
            }
            cache_->write(all);
        }
        catch (const cache_broken& fault)
        {
            lose_cache(fault.what());
        }
    }
    FAULT_POINT("projection.after_cache");
}

// -- Filling the cache.

bool projector::refill()
{
    if (cache_ == nullptr)
        take_cache_again();
    if (cache_ == nullptr)
        return false;
    for (auto& state : lanes_)
        for (auto& one : state.courses)
        {
            if (one.is_complete || !state.is_held || state.is_left_alone)
                continue;
            try
            {
                if (one.filled_totals)
                    refill_totals(one);
                else
                    refill_rows(one);
            }
            catch (const cache_broken& fault)
            {
                lose_cache(fault.what());
            }
            if (one.is_complete)
                publish();
            return true;
        }
    return false;
}

void projector::refill_rows(course& of)
{
    const auto page =
        rows_.rows_after(*of.at.of, of.at.lane, of.filled_rows.value_or(row_key{}), config_.refill_rows_max);
    if (page.empty())
    {
        of.filled_totals = total_key{};
        return;
    }
    row_cache::changes all;
    for (const auto& row : page)
        all.put(space_of(of), cache_key(row.key), row.bytes);
    all.stand(space_of(of), standing_of(of));
    cache_->write(all);
    of.filled_rows = page.back().key;
    counted_.rows_loaded += page.size();
}

void projector::refill_totals(course& of)
{
    const auto page = rows_.totals_after(*of.at.of, of.at.lane, *of.filled_totals, config_.refill_rows_max);
    row_cache::changes all;
    for (const auto& [key, held] : page)
        all.put(space_of(of), cache_key(key), cached_total(held));
    if (page.empty())
        of.is_complete = true;
    else
        of.filled_totals = page.back().first;
    all.stand(space_of(of), standing_of(of));
    cache_->write(all);
}
}  // namespace projection
