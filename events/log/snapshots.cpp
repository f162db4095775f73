// RocksDB behind the snapshots: keys are the place and the version counted down, so that a seek finds the newest.
#include "events/log/snapshots.hpp"

#include "events/log/cache_slot.hpp"
#include "schemas/fault_point.hpp"
#include "schemas/text.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <limits>
#include <shared_mutex>
#include <string_view>

namespace event_log
{
namespace
{
using steady = std::chrono::steady_clock;

constexpr std::chrono::seconds again_after{30};  // from a directory that could not be opened to the next try
constexpr std::size_t checksum_bytes = 8;
constexpr std::size_t place_bytes = 16 + 16 + 8 + 8;  // tenant, stream, form, history

void put_number(std::string& out, std::uint64_t n)
{
    for (int shift = 56; shift >= 0; shift -= 8)
        out.push_back(static_cast<char>(n >> shift));
}

void put_uuid(std::string& out, const uuid& id)
{
    out.append(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
}

std::string first_bytes(const schema::digest& of, std::size_t count)
{
    return {reinterpret_cast<const char*>(of.data()), count};
}

// Later versions sort first.
std::uint64_t counted_down(std::int64_t version)
{
    return std::numeric_limits<std::uint64_t>::max() - static_cast<std::uint64_t>(version);
}

// Reads forward; after the first want of bytes everything reads as nothing and `well` is false.
struct cursor
{
    std::string_view left;
    bool well = true;

    std::string_view take(std::size_t count)
    {
        well = well && left.size() >= count;
        const auto taken = well ? left.substr(0, count) : std::string_view{};
        left.remove_prefix(taken.size());
        return taken;
    }
    std::uint64_t number()
    {
        std::uint64_t n = 0;
        for (const char c : take(8))
            n = n << 8 | static_cast<unsigned char>(c);
        return n;
    }
    uuid id()
    {
        uuid out;
        if (const auto bytes = take(out.bytes.size()); well)
            std::memcpy(out.bytes.data(), bytes.data(), bytes.size());
        return out;
    }
};

std::int64_t version_in(std::string_view key)
{
    cursor number{key.substr(place_bytes)};
    return static_cast<std::int64_t>(std::numeric_limits<std::uint64_t>::max() - number.number());
}

std::string checksum(std::string_view key, std::string_view value)
{
    return first_bytes(schema::sha256(std::string{key}.append(value)), checksum_bytes);
}

std::string encode(std::string_view key, const snapshot& of)
{
    std::string value;
    put_uuid(value, of.at.last_event_id);
    put_number(value, static_cast<std::uint64_t>(of.recorded_at.us));
    put_number(value, static_cast<std::uint64_t>(of.occurred_max.us));
    put_number(value, of.subjects.size());
    for (const uuid& subject : of.subjects)
        put_uuid(value, subject);
    value += of.state;
    return checksum(key, value) + value;
}

// Nothing: damaged.
std::optional<snapshot> decode(std::string_view key, std::string_view bytes, std::size_t subjects_max)
{
    cursor from{bytes};
    if (const auto sum = from.take(checksum_bytes); !from.well || sum != checksum(key, from.left))
        return std::nullopt;
    snapshot out;
    out.at.version = version_in(key);
    out.at.last_event_id = from.id();
    out.recorded_at.us = static_cast<std::int64_t>(from.number());
    out.occurred_max.us = static_cast<std::int64_t>(from.number());
    const std::uint64_t subjects = from.number();
    for (std::uint64_t i = 0; i < subjects && i < subjects_max && from.well; ++i)
        out.subjects.push_back(from.id());
    if (!from.well || subjects > subjects_max)
        return std::nullopt;
    out.state = from.left;
    return out;
}

rocksdb::Options options_of(const snapshot_config& config)
{
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = rocksdb::NewLRUCache(config.block_cache_bytes);
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));  // over places: most streams are short and have none
    table.whole_key_filtering = false;
    table.cache_index_and_filter_blocks = true;

    rocksdb::Options options;
    options.create_if_missing = true;
    options.prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(place_bytes));
    options.memtable_prefix_bloom_size_ratio = 0.02;
    options.write_buffer_size = config.write_buffer_bytes;
    options.max_write_buffer_number = 2;
    options.compaction_style = rocksdb::kCompactionStyleFIFO;
    options.compaction_options_fifo.max_table_files_size = config.bytes_max;
    options.compaction_options_fifo.allow_compaction = true;
    options.ttl = 0;
    options.periodic_compaction_seconds = 0;
    options.max_background_jobs = 1;
    options.max_open_files = -1;
    options.keep_log_file_num = 2;
    options.max_log_file_size = 1024 * 1024;
    options.stats_dump_period_sec = 0;
    options.compression = rocksdb::kNoCompression;
    options.avoid_flush_during_shutdown = true;  // what is not on the disk by then is in the log
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    return options;
}
}  // namespace

struct snapshots::implementation
{
    implementation(snapshot_config given, std::function<std::string()> history)
        : config(std::move(given)), incarnation(std::move(history)), taken(config.directory, config.slots_max)
    {
        if (has_cache_room(taken.directory()) && !open())
            start_over();
    }

    std::filesystem::path path() const { return taken.directory() / "states"; }

    // None could be opened, and it is time to try again.
    bool is_due()
    {
        const std::shared_lock lock{mutex};
        return !db && steady::now() >= try_again;
    }

    bool open()
    {
        rocksdb::DB* opened = nullptr;
        const auto status = rocksdb::DB::Open(options_of(config), path().string(), &opened);
        db.reset(opened);
        return status.ok();
    }

    void start_over()
    {
        db.reset();
        try_again = steady::now() + again_after;
        if (!has_cache_room(taken.directory()))
            return;
        std::error_code ignored;  // what cannot be removed will not open, and then there are no snapshots
        std::filesystem::remove_all(path(), ignored);
        open();
    }

    std::string key_of(const snapshot_place& of) const
    {
        std::string key;
        put_uuid(key, of.tenant);
        put_uuid(key, of.stream);
        put_number(key, of.form);
        return key += first_bytes(schema::sha256(config.folded_by + '\n' + incarnation()), 8);
    }
    std::string key_of(const snapshot_place& of, std::int64_t version) const
    {
        std::string key = key_of(of);
        put_number(key, counted_down(version));
        return key;
    }

    bool seek(const std::string& from, std::string& key, std::string& value);
    void note_failure(const rocksdb::Status&);
    template <class Change>
    void change(const Change&);

    const snapshot_config config;
    const std::function<std::string()> incarnation;
    cache_slot taken;
    std::shared_mutex mutex;          // exclusive only while starting over
    std::unique_ptr<rocksdb::DB> db;  // null: it cannot be opened, or there was no room; tried again
    steady::time_point try_again{};   // guarded by mutex
    std::atomic<bool> is_broken{false};
    std::array<std::atomic<std::uint64_t>, 6> counts{};
};

// A file that cannot be read takes all of them with it at the next change: they are only copies.
void snapshots::implementation::note_failure(const rocksdb::Status& why)
{
    const auto which = why.IsCorruption() ? outcome::damaged : outcome::unwritten;
    ++counts[static_cast<std::size_t>(which)];
    is_broken = is_broken || why.IsCorruption();
}

// False: there is nothing from there on within the place.
bool snapshots::implementation::seek(const std::string& from, std::string& key, std::string& value)
{
    const std::shared_lock lock{mutex};
    if (!db)
        return false;
    rocksdb::ReadOptions how;
    how.prefix_same_as_start = true;
    const std::unique_ptr<rocksdb::Iterator> at{db->NewIterator(how)};
    at->Seek(from);
    if (!at->Valid())
    {
        if (!at->status().ok())
            note_failure(at->status());
        return false;
    }
    key = at->key().ToString();
    value = at->value().ToString();
    return key.size() == from.size() && key.compare(0, place_bytes, from, 0, place_bytes) == 0;
}

template <class Change>
void snapshots::implementation::change(const Change& what)
{
    if (is_broken.exchange(false) || is_due())
    {
        const std::unique_lock lock{mutex};
        start_over();
    }
    const std::shared_lock lock{mutex};
    const bool can_write = db && has_cache_room(taken.directory());
    const auto status = can_write ? what(*db) : rocksdb::Status::IOError();
    if (!status.ok())
        note_failure(status);
}

snapshots::snapshots(snapshot_config config, std::function<std::string()> incarnation)
    : self_(std::make_unique<implementation>(std::move(config), std::move(incarnation)))
{}

snapshots::~snapshots() = default;

const snapshot_config& snapshots::config() const { return self_->config; }

const std::filesystem::path& snapshots::directory() const { return self_->taken.directory(); }

std::optional<snapshot> snapshots::newest(const snapshot_place& of, std::int64_t version_max)
{
    std::string key, value;
    while (version_max > 0 && self_->seek(self_->key_of(of, version_max), key, value))
    {
        if (auto found = decode(key, value, self_->config.subjects_max))
            return found;
        const std::int64_t version = version_in(key);
        count(outcome::damaged);
        erase(of, version);
        version_max = version - 1;
    }
    return std::nullopt;
}

bool snapshots::has(const snapshot_place& of, std::int64_t version)
{
    const std::string wanted = self_->key_of(of, version);
    std::string key, value;
    return self_->seek(wanted, key, value) && key == wanted;
}

void snapshots::keep(const snapshot_place& of, const snapshot& what)
{
    const std::string key = self_->key_of(of, what.at.version);
    const std::string value = encode(key, what);
    self_->change([&](rocksdb::DB& db) {
        try
        {
            FAULT_POINT("snapshots.before_write");
            const auto status = db.Put(rocksdb::WriteOptions{}, key, value);
            FAULT_POINT("snapshots.after_write");
            if (status.ok())
                count(outcome::written);
            return status;
        }
        catch (const std::exception& planted)
        {
            return rocksdb::Status::IOError(planted.what());
        }
    });
}

void snapshots::erase(const snapshot_place& of, std::int64_t version)
{
    self_->change([&](rocksdb::DB& db) { return db.Delete(rocksdb::WriteOptions{}, self_->key_of(of, version)); });
}

void snapshots::erase_all(const snapshot_place& of)
{
    const std::string from = self_->key_of(of, std::numeric_limits<std::int64_t>::max());
    std::string to = self_->key_of(of, 0);
    self_->change(
        [&](rocksdb::DB& db) { return db.DeleteRange(rocksdb::WriteOptions{}, db.DefaultColumnFamily(), from, to); });
}

void snapshots::count(outcome what) { ++self_->counts[static_cast<std::size_t>(what)]; }

snapshots::figures snapshots::look() const
{
    const auto of = [&](outcome what) { return self_->counts[static_cast<std::size_t>(what)].load(); };
    return {of(outcome::used),    of(outcome::written),   of(outcome::damaged),
            of(outcome::foreign), of(outcome::forgotten), of(outcome::unwritten)};
}
}  // namespace event_log
