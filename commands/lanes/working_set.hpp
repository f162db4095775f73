// The states one round decides on: what was loaded or kept, moved on by the round's own earlier commands.
//
// Nothing here outlives its round; what the append confirms goes to the cache from there. One thread.
#pragma once

#include "commands/lanes/aggregate_cache.hpp"
#include "commands/lanes/decision.hpp"
#include "commands/lanes/standing.hpp"

#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace lanes
{
class working_set
{
public:
    struct tally
    {
        std::uint64_t hits = 0, misses = 0;
    };

    explicit working_set(aggregate_cache& kept) : kept_(&kept) {}

    // From this round, else from the cache; null: it has to be loaded.
    const standing* find(const stream_ref&);
    void put(const stream_ref& stream, standing now) { here_[stream] = std::move(now); }
    // For a stream that this very round brings to life: the append proves the assumption.
    void assume_unborn(const stream_ref& stream) { here_.try_emplace(stream); }

    // It is looked up anew.
    void forget(const stream_ref& stream) { here_.erase(stream); }

    tally take_counted() { return std::exchange(counted_, {}); }

private:
    aggregate_cache* kept_;
    std::unordered_map<stream_ref, standing> here_;
    tally counted_;
};

// What a decision looked at, and how it stood then.
struct sighting
{
    stream_ref stream;
    standing was;
};

// One decision's window on a working set. A stream that is not there reads as unborn and is noted as missing.
class round_view final : public view
{
public:
    round_view(working_set& set, const uuid& tenant) : set_(&set), tenant_(tenant) {}

    bool is_complete() const { return missing_.empty(); }
    bool is_spoiled() const { return spoiled_; }  // something unreadable was looked at
    const std::vector<sighting>& looked() const { return looked_; }
    const std::vector<stream_ref>& missing() const { return missing_; }
    std::vector<sighting> take_looked() { return std::move(looked_); }

    std::int64_t version(std::string_view category, const uuid& stream) const override;
    // The version of a stream, which counts as looked at.
    std::int64_t look_at_version(const aggregate_type&, const uuid& stream);

protected:
    const void* find(const aggregate_type&, const uuid& stream) override;

private:
    working_set* set_;
    uuid tenant_;
    std::vector<sighting> looked_;
    std::vector<stream_ref> missing_;
    std::vector<std::shared_ptr<const void>> unborn_;  // keeps handed-out unborn states alive
    bool spoiled_ = false;
};
}  // namespace lanes
