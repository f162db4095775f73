// Snapshots of long streams on the local disk: how a stream's state stood after some of its events, so that nobody has
// to fold thousands of them again. Only a baseline, never truth.
//
// Whoever uses one reads the snapshot's own last event from the log along with the newer ones, and throws the snapshot
// away when the log has another event there. Deleting or damaging what lies here costs time and nothing else: damaged
// ones are told by a checksum over key and value, erased and counted, and what cannot be written is not written.
//
// A snapshot is found under the tenant, the stream, the form of its state, the build that folded it and the store's
// incarnation, so a change of any of these makes the older ones invisible. What they take on disk is bounded; the ones
// written first go first (RocksDB's FIFO compaction). Each process takes a directory of its own.
//
// Knows no noun and no key: a state is bytes here, sealed by whoever keeps it where it holds personal values
// (commands/lanes/kept_states.hpp). Thread-safe; nothing but the constructor throws.
#pragma once

#include "events/log/envelope.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace event_log
{
struct snapshot_config
{
    std::filesystem::path directory;        // processes take numbered ones below it
    std::string folded_by;                  // the build whose folds made them: others' are not looked at
    std::int64_t every = 250;               // events of a stream from one of its snapshots to the next
    std::size_t state_bytes_max = 1 << 18;  // a larger state is not kept
    std::size_t subjects_max = 8;           // a state with the personal values of more people is not kept
    std::uint64_t bytes_max = 1 << 28;      // on disk, give or take a write buffer
    std::size_t write_buffer_bytes = 8 << 20;
    std::size_t block_cache_bytes = 8 << 20;
    int slots_max = 64;
};

// Whose state it is, and in which form.
struct snapshot_place
{
    uuid tenant;
    uuid stream;
    std::uint64_t form = 0;  // differs between nouns, and whenever a state's bytes have another form
};

struct snapshot
{
    head at;                      // the last event folded
    schema::moment recorded_at;   // of that event
    schema::moment occurred_max;  // of all events folded
    std::vector<uuid> subjects;   // for whom `state` is sealed, one around the other, the last one outermost
    std::string state;
};

class snapshots
{
public:
    // What becomes of snapshots, as it is counted.
    enum class outcome
    {
        used,       // a stream was folded from it
        written,    //
        damaged,    // unreadable by its checksum or its form
        foreign,    // of an event that the log does not have
        forgotten,  // of a subject whose key is gone
        unwritten   // the disk refused it
    };
    struct figures
    {
        std::uint64_t used = 0, written = 0, damaged = 0, foreign = 0, forgotten = 0, unwritten = 0;
    };

    // `incarnation`: the store's, asked with every call. Throws when no directory is to be had.
    snapshots(snapshot_config, std::function<std::string()> incarnation);
    ~snapshots();

    const snapshot_config& config() const;
    const std::filesystem::path& directory() const;  // the one taken

    // The newest at or below a version.
    std::optional<snapshot> newest(const snapshot_place&, std::int64_t version_max);
    bool has(const snapshot_place&, std::int64_t version);
    void keep(const snapshot_place&, const snapshot&);
    void erase(const snapshot_place&, std::int64_t version);
    void erase_all(const snapshot_place&);

    void count(outcome);
    figures look() const;  // since the start

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};
}  // namespace event_log
