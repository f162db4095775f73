// Events sorted to their rows, rows folded one after another, totals as what each row adds now less what it added
// before.
#include "projections/runner/folding.hpp"

#include "projections/runner/around.hpp"
#include "schemas/assertion.hpp"
#include "schemas/row_codec.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace projection
{
std::shared_ptr<void> decode(const definition& of, std::string_view bytes)
{
    auto row = of.make();
    if (!bytes.empty() && !decode_row(*of.record, row.get(), bytes))
        throw std::runtime_error("a stored row of the projection " + std::string{of.name} + " cannot be decoded");
    return row;
}

folding::folding(std::span<const definition* const> definitions, bool with_terms)
    : definitions_(definitions), with_terms_(with_terms), slots_(definitions.size())
{
    for (const definition* of : definitions_)
        if (of->kind == row_kind::appended)
            appended_.push_back({of, {}});
        else
            by_category_[of->category].push_back(of);
}

void folding::add(const recorded& happened,
                  const std::function<std::int64_t(const definition&, std::int32_t lane)>& seen,
                  const std::function<bool(const definition&, const row_key&)>& is_parked)
{
    for (auto& lines : appended_)
        if (lines.of->reads(happened.stream.category) && happened.at.seq > seen(*lines.of, happened.at.lane))
            lines.events.push_back(&happened);
    const auto readers = by_category_.find(happened.stream.category);
    if (readers == by_category_.end())
        return;
    for (const definition* of : readers->second)
    {
        if (happened.at.seq <= seen(*of, happened.at.lane))
            continue;
        const row_key key = of->key_of(happened);
        if (is_parked(*of, key))
            continue;
        const auto nth = static_cast<std::size_t>(std::ranges::find(definitions_, of) - definitions_.begin());
        auto& slot = slots_[nth][key];
        if (!slot)
        {
            slot = std::make_unique<row_slot>(row_slot{of, happened.at.lane, key, {}, {}, nullptr, {}});
            order_.push_back(slot.get());
        }
        CF_ASSERT(slot->lane == happened.at.lane);
        CF_ASSERT(slot->events.empty() || slot->events.back()->at.seq < happened.at.seq);
        slot->events.push_back(&happened);
    }
}

void folding::fold(const opening& open)
{
    for (row_slot* slot : order_)
        fold_slot(*slot, open);
    std::erase_if(deltas_, [](const auto& entry) { return entry.second.amount == 0; });
}

namespace
{
std::shared_ptr<void> row_to_fold(const row_slot& slot)
{
    return slot.is_folded_anew ? slot.of->make() : decode(*slot.of, slot.before);
}

std::optional<searchable> found_by(const definition& of, const void* row)
{
    return of.find_by == nullptr || row == nullptr ? std::nullopt : of.find_by(row);
}

// What is read from the log and cannot be is a runtime_error; a fold's own mistakes are anything else.
const char* kind_of(const std::exception& fault)
{
    if (dynamic_cast<const unknown_fact*>(&fault))
        return parked_by::unknown_type;
    return dynamic_cast<const std::runtime_error*>(&fault) ? parked_by::cannot_decode : parked_by::fold_threw;
}
}  // namespace

void folding::fold_slot(row_slot& slot, const opening& open)
{
    const auto old = slot.before.empty() ? nullptr : decode(*slot.of, slot.before);
    if (old)
        count(slot, old.get(), -1);
    slot.row = row_to_fold(slot);

    std::size_t done = 0;
    try
    {
        for (; done < slot.events.size(); ++done)
        {
            const auto opener = open(*slot.events[done]);
            slot.of->apply(slot.row.get(), *slot.events[done], opener.get());
        }
    }
    catch (const std::exception& fault)
    {
        stopped_.push_back(
            {slot.of, slot.lane, slot.key, slot.events[done]->at.seq, fault.what(), kind_of(fault), false});
        // The fold may have stopped half-way through the row: make it again from the events that went well.
        slot.row = row_to_fold(slot);
        for (std::size_t i = 0; i < done; ++i)
        {
            const auto opener = open(*slot.events[i]);
            slot.of->apply(slot.row.get(), *slot.events[i], opener.get());
        }
    }
    folded_ += done;

    if (done == 0)
        slot.after = slot.before;
    else
        encode_row(*slot.of->record, slot.row.get(), slot.after);
    if (!slot.after.empty())
        count(slot, slot.row.get(), +1);
    if (with_terms_)
        slot.terms =
            change_of(found_by(*slot.of, old.get()), found_by(*slot.of, slot.after.empty() ? nullptr : slot.row.get()));
}

void folding::count(const row_slot& slot, const void* row, int sign)
{
    if (slot.of->shares == nullptr)
        return;
    std::vector<share> shares;
    slot.of->shares(row, shares);
    for (auto& each : shares)
    {
        auto& change = deltas_[{slot.key.tenant, std::string{each.counter}, slot.of->version, std::move(each.bucket)}];
        change = {slot.of, slot.lane, around(change.amount, sign * each.amount)};
    }
}

std::vector<row_slot*> folding::changed() const
{
    std::vector<row_slot*> found;
    for (row_slot* slot : order_)
        if (slot->has_changed())
            found.push_back(slot);
    return found;
}
}  // namespace projection
