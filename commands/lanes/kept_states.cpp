#include "commands/lanes/kept_states.hpp"

#include <string>

namespace lanes
{
namespace
{
using outcome = event_log::snapshots::outcome;

event_log::snapshot_place place_of(const stream_ref& stream) { return {stream.tenant, stream.id, stream.type->form()}; }

// What a sealed state belongs to: it opens nowhere else.
std::string context_of(const stream_ref& stream, const event_log::head& at)
{
    return "snapshot of " + std::string{stream.type->category} + ' ' + stream.id.text() + ' ' + at.last_event_id.text();
}
}  // namespace

std::optional<event_log::snapshot> kept_states::newest(const stream_ref& stream, std::int64_t version_max) const
{
    return where_ ? where_->newest(place_of(stream), version_max) : std::nullopt;
}

std::optional<folded> kept_states::open(const stream_ref& stream, const event_log::snapshot& found) const
{
    std::string state = found.state;
    for (auto subject = found.subjects.rbegin(); subject != found.subjects.rend(); ++subject)
    {
        auto opened = keys_->open_bytes(stream.tenant, *subject, context_of(stream, found.at), state);
        if (!opened)
        {
            where_->count(outcome::forgotten);
            where_->erase_all(place_of(stream));
            return std::nullopt;
        }
        state = std::move(*opened);
    }
    folded made;
    made.state = stream.type->thaw(state);
    if (!made.state)
    {
        where_->count(outcome::damaged);
        where_->erase(place_of(stream), found.at.version);
        return std::nullopt;
    }
    made.at = found.at;
    made.recorded_at = found.recorded_at;
    made.occurred_max = found.occurred_max;
    made.subjects = found.subjects;
    made.is_unproven = true;
    return made;
}

void kept_states::refute(const stream_ref& stream) const
{
    where_->count(outcome::foreign);
    where_->erase_all(place_of(stream));
}

void kept_states::keep(const stream_ref& stream, const folded& now) const
{
    if (!where_ || now.at.version % where_->config().every != 0 ||
        now.subjects.size() > where_->config().subjects_max || where_->has(place_of(stream), now.at.version))
        return;
    event_log::snapshot made{now.at, now.recorded_at, now.occurred_max, now.subjects, {}};
    stream.type->freeze(now.state.get(), made.state);
    if (made.state.size() > where_->config().state_bytes_max)
        return;
    for (const uuid& subject : now.subjects)
    {
        auto sealed = keys_->seal_bytes(stream.tenant, subject, context_of(stream, now.at), made.state);
        if (!sealed)
            return;  // forgotten since it was folded
        made.state = std::move(*sealed);
    }
    where_->keep(place_of(stream), made);
}

void kept_states::count_used() const { where_->count(outcome::used); }
}  // namespace lanes
