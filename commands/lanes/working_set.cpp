#include "commands/lanes/working_set.hpp"

#include <algorithm>

namespace lanes
{
const standing* working_set::find(const stream_ref& stream)
{
    if (const auto place = here_.find(stream); place != here_.end())
        return &place->second;
    const standing* kept = kept_->find(stream);
    if (!kept)
    {
        ++counted_.misses;
        return nullptr;
    }
    ++counted_.hits;
    return &here_.emplace(stream, *kept).first->second;
}

std::int64_t round_view::version(std::string_view category, const uuid& stream) const
{
    for (const sighting& each : looked_)
        if (each.stream.id == stream && each.stream.type->category == category)
            return each.was.at.version;
    return 0;
}

std::int64_t round_view::look_at_version(const aggregate_type& type, const uuid& stream)
{
    find(type, stream);
    return version(type.category, stream);
}

const void* round_view::find(const aggregate_type& type, const uuid& stream)
{
    const stream_ref wanted{&type, tenant_, stream};
    const standing* there = set_->find(wanted);
    const bool seen =
        std::any_of(looked_.begin(), looked_.end(), [&](const sighting& l) { return l.stream == wanted; });
    if (!seen)
    {
        looked_.push_back({wanted, there ? *there : standing{}});
        if (!there)
            missing_.push_back(wanted);
        spoiled_ = spoiled_ || (there && there->is_unreadable);
    }
    if (there && there->state)
        return there->state.get();
    unborn_.push_back(type.initial());
    return unborn_.back().get();
}
}  // namespace lanes
