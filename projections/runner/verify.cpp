#include "projections/runner/verify.hpp"

#include "projections/runner/around.hpp"
#include "projections/runner/personal_keys.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace projection
{
namespace
{
constexpr std::size_t page_rows = 5'000;

using stop = std::pair<const definition*, row_key>;

// Differences of one lane: so many are named, all are counted.
class differences
{
public:
    differences(std::int32_t lane, std::size_t named_max) : lane_(lane), named_max_(named_max) {}

    void add(difference::kind what, const definition& of, const uuid& tenant, std::string key)
    {
        ++different;
        if (named.size() < named_max_)
            named.push_back({what, std::string{of.name}, lane_, tenant, std::move(key)});
    }
    void clear()
    {
        named.clear();
        different = 0;
    }

    std::vector<difference> named;
    std::uint64_t different = 0;

private:
    const std::int32_t lane_;
    const std::size_t named_max_;
};

// One lane folded from its first event, each projection up to where its live rows stand.
class rebuilt_lane
{
public:
    rebuilt_lane(std::int32_t lane, std::span<const definition* const> definitions, std::size_t differences_max)
        : appended(lane, differences_max), lane_(lane), of_(definitions)
    {}

    // Goes on to these positions. A projection without a checkpoint has no rows. A key that is stopped in the store is
    // stopped here at the same event: a row that the database refuses cannot be seen from the log. Rows that are only
    // appended are compared on the way.
    void fold_up_to(const std::vector<checkpoint>& at, const std::vector<parked_key>& parked, event_feed::feed& feed,
                    personal_keys& keys, row_store& store)
    {
        std::map<stop, std::int64_t> stops;
        for (const auto& each : parked)
            stops[{each.of, each.key}] = each.from_seq;
        for (const auto& [which, from_seq] : parked_)
            if (const auto found = stops.find(which); found == stops.end() || found->second != from_seq)
                begin_again();
        parked_ = std::move(stops);
        std::int64_t last = 0;
        std::map<const definition*, std::int64_t> until;
        for (const auto& each : at)
        {
            until[each.of] = each.seq;
            last = std::max(last, each.seq);
        }
        // A projection that was behind the others last time has missed what they were folded on by.
        for (const auto& [of, seq] : until_)
            if (seq < seq_)
                begin_again();
        until_ = until;
        while (seq_ < last)
        {
            const position from{lane_, seq_};
            auto batch = feed.read({&from, 1});
            if (batch.empty())
                throw std::runtime_error("the log ends before the position of a read model in lane " +
                                         std::to_string(lane_));
            std::erase_if(batch, [&](const recorded& happened) { return happened.at.seq > last; });
            const auto held = keys.fetch(batch);
            fold(batch, until, keys.open(), store);
            seq_ = batch.back().at.seq;
            events += batch.size();
        }
    }

    std::map<row_key, std::string>& rows(const definition& of) { return rows_[&of]; }
    std::map<total_key, std::int64_t>& totals(const definition& of) { return totals_[&of]; }

    // The lane moved while it was compared: what seemed to differ is looked at again.
    void doubt()
    {
        if (appended.different > 0)
            begin_again();
    }

    std::uint64_t events = 0;
    differences appended;  // rows missing, or other than their events

private:
    void fold(const std::vector<recorded>& events_read, const std::map<const definition*, std::int64_t>& until,
              const opening& open, row_store& store)
    {
        folding batch{of_};
        for (const auto& happened : events_read)
            batch.add(
                happened,
                [&](const definition& of, std::int32_t) {
                    const auto found = until.find(&of);
                    return found != until.end() && happened.at.seq <= found->second ? 0 : INT64_MAX;
                },
                [&](const definition& of, const row_key& key) {
                    const auto found = parked_.find({&of, key});
                    return stopped_.contains({&of, key}) ||
                           (found != parked_.end() && found->second <= happened.at.seq);
                });
        for (row_slot* slot : batch.wanted())
            if (const auto found = rows_[slot->of].find(slot->key); found != rows_[slot->of].end())
                slot->before = found->second;
        batch.fold(open);
        for (row_slot* slot : batch.changed())
            rows_[slot->of][slot->key] = std::move(slot->after);
        for (const auto& [key, change] : batch.deltas())
        {
            auto& held = totals_[change.of][key];
            held = around(held, change.amount);
            if (held == 0)
                totals_[change.of].erase(key);
        }
        for (const auto& key : batch.stopped())
            stopped_.insert({key.of, key.key});
        for (const auto& lines : batch.appended())
            for (const auto& each : store.differing(lines))
                appended.add(each.is_missing ? difference::kind::missing : difference::kind::other, *lines.of,
                             each.tenant, std::to_string(each.seq));
    }

    void begin_again()
    {
        seq_ = 0;
        events = 0;
        rows_.clear();
        totals_.clear();
        stopped_.clear();
        appended.clear();
    }

    const std::int32_t lane_;
    const std::span<const definition* const> of_;
    std::int64_t seq_ = 0;
    std::map<const definition*, std::int64_t> until_;
    std::map<const definition*, std::map<row_key, std::string>> rows_;
    std::map<const definition*, std::map<total_key, std::int64_t>> totals_;
    std::set<stop> stopped_;               // by a fold that threw
    std::map<stop, std::int64_t> parked_;  // in the store, from which event on
};

// The terms of one lane's rows as they are stored, row by row.
class terms_of_rows
{
public:
    using entry = std::pair<row_key, std::vector<term>>;

    terms_of_rows(const definition& of, std::int32_t lane, row_store& store) : of_(of), lane_(lane), store_(store) {}

    std::optional<entry> next()
    {
        std::optional<entry> made;
        while (has_more())
        {
            auto& here = page_[at_];
            if (made && made->first != here.key)
                break;
            if (!made)
                made = entry{here.key, {}};
            made->second.push_back(std::move(here.found_by));
            ++at_;
            ++read_;
        }
        return made;
    }

    std::uint64_t read() const { return read_; }

private:
    bool has_more()
    {
        if (at_ < page_.size())
            return true;
        if (!page_.empty())
            after_ = page_.back().key;
        page_ = store_.terms_after(of_, lane_, after_, last_word_, page_rows);
        at_ = 0;
        if (!page_.empty())
            last_word_ = page_.back().found_by.word;
        return !page_.empty();
    }

    const definition& of_;
    const std::int32_t lane_;
    row_store& store_;
    std::vector<row_store::stored_term> page_;
    std::size_t at_ = 0;
    row_key after_;
    std::string last_word_;
    std::uint64_t read_ = 0;
};

// One lane's comparison; thrown away when the lane moved meanwhile.
class comparing
{
public:
    comparing(std::int32_t lane, std::size_t differences_max) : all(lane, differences_max), lane_(lane) {}

    void rows(const definition& of, const std::map<row_key, std::string>& expected, row_store& store)
    {
        row_key after;
        auto next = expected.begin();
        for (;;)
        {
            const auto page = store.rows_after(of, lane_, after, page_rows);
            for (const auto& live : page)
            {
                for (; next != expected.end() && next->first < live.key; ++next)
                    add(difference::kind::missing, of, next->first.tenant, next->first.id.text());
                if (next == expected.end() || live.key < next->first)
                    add(difference::kind::unexpected, of, live.key.tenant, live.key.id.text());
                else
                {
                    if (next->second != live.bytes)
                        add(difference::kind::other, of, live.key.tenant, live.key.id.text());
                    ++next;
                }
                ++rows_seen;
            }
            if (page.empty())
                break;
            after = page.back().key;
        }
        for (; next != expected.end(); ++next)
            add(difference::kind::missing, of, next->first.tenant, next->first.id.text());
    }

    void terms(const definition& of, const std::map<row_key, std::string>& expected, row_store& store)
    {
        if (of.find_by == nullptr)
            return;
        terms_of_rows live{of, lane_, store};
        auto found = live.next();
        const auto unexpected = [&] {
            add(difference::kind::unexpected, of, found->first.tenant, found->first.id.text() + "/terms");
            found = live.next();
        };
        for (const auto& [key, bytes] : expected)
        {
            while (found && found->first < key)
                unexpected();
            const auto wanted = terms_of(of, decode(of, bytes).get());
            const bool is_there = found && found->first == key;
            if (is_there && found->second != wanted)
                add(wanted.empty() ? difference::kind::unexpected : difference::kind::other, of, key.tenant,
                    key.id.text() + "/terms");
            if (!is_there && !wanted.empty())
                add(difference::kind::missing, of, key.tenant, key.id.text() + "/terms");
            if (is_there)
                found = live.next();
        }
        while (found)
            unexpected();
        terms_seen += live.read();
    }

    // Appended rows of no event. Those that are missing or other were found on the way through the log.
    void unexpected_lines(const definition& of, std::int64_t up_to_seq, row_store& store)
    {
        for (row_store::appended_row after;;)
        {
            const auto page = store.appended_after(of, lane_, after, up_to_seq, page_rows);
            for (const auto& live : page)
                if (!live.is_known)
                    add(difference::kind::unexpected, of, live.tenant, std::to_string(live.seq));
            rows_seen += page.size();
            if (page.empty())
                break;
            after = page.back();
        }
    }

    void totals(const definition& of, const std::map<total_key, std::int64_t>& expected, row_store& store)
    {
        std::map<total_key, std::int64_t> live;
        for (total_key after;;)
        {
            const auto page = store.totals_after(of, lane_, after, page_rows);
            if (page.empty())
                break;
            for (const auto& [key, held] : page)
                live.emplace(key, held.value);
            after = page.back().first;
        }
        totals_seen += live.size();
        for (const auto& [key, value] : expected)
        {
            const auto found = live.find(key);
            if (found == live.end())
                add(difference::kind::missing, of, key.tenant, key.counter + '/' + key.bucket);
            else if (found->second != value)
                add(difference::kind::other, of, key.tenant, key.counter + '/' + key.bucket);
        }
        for (const auto& [key, _] : live)
            if (!expected.contains(key))
                add(difference::kind::unexpected, of, key.tenant, key.counter + '/' + key.bucket);
    }

    std::uint64_t rows_seen = 0, terms_seen = 0, totals_seen = 0;
    differences all;

private:
    void add(difference::kind what, const definition& of, const uuid& tenant, std::string key)
    {
        all.add(what, of, tenant, std::move(key));
    }

    const std::int32_t lane_;
};

std::vector<std::int64_t> steps_of(const std::vector<checkpoint>& all)
{
    std::vector<std::int64_t> steps;
    for (const auto& each : all)
        steps.push_back(each.step);
    return steps;
}

std::int64_t seq_of(const definition& of, const std::vector<checkpoint>& all)
{
    const auto found = std::ranges::find(all, &of, &checkpoint::of);
    return found == all.end() ? 0 : found->seq;
}

void add(verified& to, differences&& from, std::size_t differences_max)
{
    for (auto& each : from.named)
        if (to.differences.size() < differences_max)
            to.differences.push_back(std::move(each));
    to.different += from.different;
}

void compare(const definition& of, rebuilt_lane& rebuilt, comparing& with, const std::vector<checkpoint>& at,
             row_store& store)
{
    if (of.kind == row_kind::appended)
        return with.unexpected_lines(of, seq_of(of, at), store);
    with.rows(of, rebuilt.rows(of), store);
    with.terms(of, rebuilt.rows(of), store);
    with.totals(of, rebuilt.totals(of), store);
}
}  // namespace

verified verify(const verify_config& config, std::span<const definition* const> definitions, event_log::keyring& ring)
{
    row_store store{config.rows, definitions};
    store.open();
    personal_keys keys{ring, config.keys};
    const auto feed = config.feed();

    verified all;
    for (const std::int32_t lane : config.lanes)
    {
        rebuilt_lane rebuilt{lane, definitions, config.differences_max};
        for (int attempt = 1;; ++attempt)
        {
            const auto before = store.checkpoints({&lane, 1});
            rebuilt.fold_up_to(before, store.parked({&lane, 1}), *feed, keys, store);
            comparing lane_result{lane, config.differences_max};
            for (const definition* of : definitions)
                compare(*of, rebuilt, lane_result, before, store);
            if (steps_of(before) == steps_of(store.checkpoints({&lane, 1})))
            {
                all.events += rebuilt.events;
                all.rows += lane_result.rows_seen;
                all.terms += lane_result.terms_seen;
                all.totals += lane_result.totals_seen;
                add(all, std::move(rebuilt.appended), config.differences_max);
                add(all, std::move(lane_result.all), config.differences_max);
                break;
            }
            rebuilt.doubt();
            if (attempt == config.attempts_max)
                throw never_still("lane " + std::to_string(lane) + " never stood still long enough to be compared");
        }
    }
    return all;
}
}  // namespace projection
