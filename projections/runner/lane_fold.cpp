#include "projections/runner/lane_fold.hpp"

#include "events/log/wire.hpp"
#include "projections/runner/around.hpp"
#include "projections/runner/binary_columns.hpp"
#include "schemas/assertion.hpp"
#include "schemas/row_codec.hpp"

#include <algorithm>
#include <future>
#include <iterator>

namespace projection
{
namespace
{
// Key and value of a row in the scratch store: the value begins with the seq of the key's first event.
std::string scratch_key(const row_key& key)
{
    std::string made;
    made.append(reinterpret_cast<const char*>(key.tenant.bytes.data()), key.tenant.bytes.size());
    return made.append(reinterpret_cast<const char*>(key.id.bytes.data()), key.id.bytes.size());
}

row_key key_of_scratch(std::string_view text)
{
    row_key key;
    CF_ASSERT(text.size() == key.tenant.bytes.size() + key.id.bytes.size());
    std::copy_n(text.begin(), key.tenant.bytes.size(), key.tenant.bytes.begin());
    std::copy_n(text.begin() + key.tenant.bytes.size(), key.id.bytes.size(), key.id.bytes.begin());
    return key;
}

constexpr std::size_t seq_bytes = 8;

std::string scratch_value(std::int64_t first_seq, std::string_view row)
{
    std::string made(seq_bytes, '\0');
    for (std::size_t i = 0; i < seq_bytes; ++i)
        made[i] = static_cast<char>(static_cast<std::uint64_t>(first_seq) >> (8 * i));
    return made.append(row);
}

std::int64_t first_seq_of(std::string_view value)
{
    std::uint64_t seq = 0;
    for (std::size_t i = 0; i < seq_bytes; ++i)
        seq |= static_cast<std::uint64_t>(static_cast<unsigned char>(value[i])) << (8 * i);
    return static_cast<std::int64_t>(seq);
}
}  // namespace

lane_fold::lane_fold(std::int32_t lane, std::span<const definition* const> definitions, row_cache& scratch)
    : lane_(lane), of_(definitions), scratch_(scratch)
{
    for (const definition* of : of_)
        if (of->kind == row_kind::appended)
            lines_.try_emplace(of, *of, scratch_.directory());
        else
            scratch_.drop(space_of(*of));
}

void lane_fold::fold(std::span<const recorded> events, const opening& open)
{
    folding batch{of_, false};  // words are made of the final rows
    for (const auto& happened : events)
        batch.add(
            happened, [](const definition&, std::int32_t) { return std::int64_t{0}; },
            [&](const definition& of, const row_key& key) {
                return stopped_keys_.contains({&of, key});
            });
    std::future<std::map<const definition*, line_block>> blocks;
    if (!lines_.empty())  // they come of the events alone, and making them takes half as long as folding rows
        blocks = std::async(std::launch::async, [&] { return lines_of(batch); });
    const auto firsts = load(batch);
    batch.fold(open);
    keep(batch, firsts);
    if (blocks.valid())
        for (const auto& [of, block] : blocks.get())
            lines_.at(of).rows.append(block);
    seq_ = events.back().at.seq;
    event_id_ = events.back().event_id;
}

copied_lane lane_fold::copied(const definition& of, const std::string& incarnation, std::size_t page_rows) const
{
    copied_lane made;
    made.step = {&of, lane_, 1, seq_, 0, incarnation, event_id_};
    made.rows = {&of, [this, &of, page_rows] { return pages_of(of, page_rows); }};
    if (const auto found = lines_.find(&of); found != lines_.end())
        made.lines = &found->second.rows;
    const std::string counters = std::string{of.name} + '.';
    for (const auto& [key, value] : totals_)
        if (value != 0 && key.counter.starts_with(counters))
            made.totals.emplace_back(key, value);
    std::ranges::copy_if(stopped_, std::back_inserter(made.parked), [&](const auto& each) { return each.of == &of; });
    return made;
}

void lane_fold::refuse(const definition& of, const row_key& key, const std::string& sqlstate)
{
    const std::string stored = scratch_key(key);
    const auto held = scratch_.get(space_of(of), {&stored, 1}).front();
    CF_ASSERT(held.has_value());
    std::erase_if(stopped_, [&](const parked_key& each) { return each.of == &of && each.key == key; });
    count(of, key.tenant, std::string_view{*held}.substr(seq_bytes), -1);
    row_cache::changes gone;
    gone.erase(space_of(of), stored);
    scratch_.write(gone);
    stopped_.push_back({&of, lane_, key, first_seq_of(*held), "the database refuses the row: SQLSTATE " + sqlstate,
                        parked_by::refused_by_store, false});
}

// Sets what the rows were; answers the first event of each key.
std::map<const row_slot*, std::int64_t> lane_fold::load(folding& batch)
{
    std::map<const definition*, std::vector<row_slot*>> by_table;
    for (row_slot* slot : batch.wanted())
        by_table[slot->of].push_back(slot);
    std::map<const row_slot*, std::int64_t> firsts;
    for (const auto& [of, slots] : by_table)
    {
        std::vector<std::string> keys;
        for (const row_slot* slot : slots)
            keys.push_back(scratch_key(slot->key));
        const auto found = scratch_.get(space_of(*of), keys);
        for (std::size_t i = 0; i < slots.size(); ++i)
        {
            firsts[slots[i]] = found[i] ? first_seq_of(*found[i]) : slots[i]->events.front()->at.seq;
            if (found[i])
                slots[i]->before = found[i]->substr(seq_bytes);
        }
    }
    return firsts;
}

void lane_fold::keep(const folding& batch, const std::map<const row_slot*, std::int64_t>& firsts)
{
    row_cache::changes changes;
    for (const row_slot* slot : batch.changed())
        changes.put(space_of(*slot->of), scratch_key(slot->key), scratch_value(firsts.at(slot), slot->after));
    scratch_.write(changes);
    for (const auto& [key, change] : batch.deltas())
        add(totals_[key], change.amount);
    for (const auto& key : batch.stopped())
    {
        stopped_.push_back(key);
        stopped_keys_.insert({key.of, key.key});
    }
}

std::map<const definition*, line_block> lane_fold::lines_of(const folding& batch) const
{
    std::map<const definition*, line_block> made;
    for (const auto& [of, events] : batch.appended())
    {
        const auto row = of->make();
        std::string fields;
        for (const recorded* happened : events)
        {
            of->apply(row.get(), *happened, nullptr);
            fields.clear();
            event_log::wire::fields{fields}.uuid(happened->stream.tenant);
            for (const auto& each : lines_.at(of).columns)
                append_binary(each, row.get(), fields);
            made[of].add(fields);
        }
    }
    return made;
}

void lane_fold::count(const definition& of, const uuid& tenant, std::string_view row, int sign)
{
    if (of.shares == nullptr)
        return;
    std::vector<share> shares;
    of.shares(decode(of, row).get(), shares);
    for (const auto& each : shares)
        add(totals_[{tenant, std::string{each.counter}, of.version, each.bucket}], sign * each.amount);
}

row_pages lane_fold::pages_of(const definition& of, std::size_t page_rows) const
{
    return [this, &of, page_rows, after = std::string{}]() mutable {
        std::vector<copied_row> page;
        for (auto& [key, value] : scratch_.walk(space_of(of), after, page_rows))
        {
            page.push_back({key_of_scratch(key), value.substr(seq_bytes)});
            after = std::move(key);
        }
        return page;
    };
}
}  // namespace projection
