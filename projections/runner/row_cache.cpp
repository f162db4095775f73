// RocksDB behind the cache: one column family, keys prefixed by space, standings beside the rows.
#include "projections/runner/row_cache.hpp"

#include "events/log/cache_slot.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <cstdint>
#include <cstring>
#include <shared_mutex>
#include <system_error>

namespace projection
{
namespace
{
constexpr int scratch_files_max = 16;  // of one level, before they are merged

void put_number(std::string& out, std::uint64_t n, int bytes)
{
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8)
        out.push_back(static_cast<char>(n >> shift));
}

std::uint64_t take_number(std::string_view& from, std::size_t bytes)
{
    if (from.size() < bytes)
        throw cache_broken("a standing in the cache is cut");
    std::uint64_t n = 0;
    for (std::size_t i = 0; i < bytes; ++i)
        n = n << 8 | static_cast<unsigned char>(from[i]);
    from.remove_prefix(bytes);
    return n;
}

// 'r' rows or 's' standing, then the space. The name's length comes first, so no space is a prefix of another.
std::string prefix_of(char what, const space& of)
{
    std::string key{what};
    put_number(key, of.projection.size(), 1);
    key.append(of.projection);
    put_number(key, static_cast<std::uint64_t>(of.version), 4);
    put_number(key, static_cast<std::uint64_t>(of.lane), 4);
    return key;
}

std::string encode(const standing& at)
{
    std::string out;
    put_number(out, static_cast<std::uint64_t>(at.seq), 8);
    put_number(out, static_cast<std::uint64_t>(at.generation), 8);
    out.append(reinterpret_cast<const char*>(at.event_id.bytes.data()), at.event_id.bytes.size());
    put_number(out, at.shape, 8);
    put_number(out, at.is_complete ? 1 : 0, 1);
    out.append(at.incarnation);
    return out;
}

standing decode(std::string_view bytes)
{
    standing at;
    at.seq = static_cast<std::int64_t>(take_number(bytes, 8));
    at.generation = static_cast<std::int64_t>(take_number(bytes, 8));
    if (bytes.size() < at.event_id.bytes.size())
        throw cache_broken("a standing in the cache is cut");
    std::memcpy(at.event_id.bytes.data(), bytes.data(), at.event_id.bytes.size());
    bytes.remove_prefix(at.event_id.bytes.size());
    at.shape = take_number(bytes, 8);
    at.is_complete = take_number(bytes, 1) != 0;
    at.incarnation = bytes;
    return at;
}

void check(const rocksdb::Status& status)
{
    if (!status.ok())
        throw cache_broken("the row cache failed: " + status.ToString());
}
}  // namespace

void expect_room(const std::filesystem::path& at)
{
    if (!event_log::has_cache_room(at))
        throw cache_broken("No space left on device: less than " +
                           std::to_string(event_log::cache_room_min_bytes >> 20) + " MiB are free under " +
                           at.string());
}

struct row_cache::changes::implementation
{
    rocksdb::WriteBatch batch;
};

row_cache::changes::changes() : self_(std::make_unique<implementation>()) {}
row_cache::changes::~changes() = default;
row_cache::changes::changes(changes&&) noexcept = default;
row_cache::changes& row_cache::changes::operator=(changes&&) noexcept = default;

void row_cache::changes::put(const space& of, std::string_view key, std::string_view value)
{
    check(self_->batch.Put(prefix_of('r', of).append(key), rocksdb::Slice{value.data(), value.size()}));
}

void row_cache::changes::erase(const space& of, std::string_view key)
{
    check(self_->batch.Delete(prefix_of('r', of).append(key)));
}

void row_cache::changes::stand(const space& of, const standing& at)
{
    check(self_->batch.Put(prefix_of('s', of), encode(at)));
}

struct row_cache::implementation
{
    explicit implementation(cache_config given) : config(std::move(given)), taken(config.directory, config.slots_max)
    {
        if (config.is_scratch)
            start_over();
        else
            open_or_wait();
    }

    ~implementation()
    {
        if (!config.is_scratch)
            return;
        db.reset();
        std::error_code ignored;  // the next one in this directory begins empty anyway
        std::filesystem::remove_all(path(), ignored);
    }

    // A cache that finds no room now is broken from its first use, and may be started over later.
    void open_or_wait()
    try
    {
        expect_room(taken.directory());
        if (!open().ok())
            start_over();
    }
    catch (const cache_broken&)
    {
        db.reset();
    }

    std::filesystem::path path() const { return taken.directory() / "rows"; }

    rocksdb::Status open()
    {
        rocksdb::BlockBasedTableOptions table;
        table.block_cache = rocksdb::NewLRUCache(config.block_cache_bytes);
        table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
        table.cache_index_and_filter_blocks = true;

        rocksdb::Options options;
        options.create_if_missing = true;
        options.paranoid_checks = true;
        options.write_buffer_size = config.write_buffer_bytes;
        options.max_write_buffer_number = 2;
        options.max_background_jobs = 2;
        options.max_open_files = 256;
        options.avoid_flush_during_shutdown = config.is_scratch;
        if (config.is_scratch)  // walked once and thrown away: merging costs more than looking in a few files
            options.level0_file_num_compaction_trigger = scratch_files_max;
        options.keep_log_file_num = 2;
        options.max_log_file_size = 1024 * 1024;
        options.stats_dump_period_sec = 0;
        options.compression = rocksdb::kNoCompression;
        options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
        rocksdb::DB* opened = nullptr;
        const auto status = rocksdb::DB::Open(options, path().string(), &opened);
        db.reset(opened);
        return status;
    }

    void start_over()
    {
        db.reset();
        std::filesystem::remove_all(path());
        expect_room(taken.directory());
        check(open());
    }

    rocksdb::DB& opened()
    {
        if (!db)
            throw cache_broken("the row cache could not be opened: is the disk full?");
        return *db;
    }

    cache_config config;
    event_log::cache_slot taken;
    std::shared_mutex mutex;  // exclusive only while starting over
    std::unique_ptr<rocksdb::DB> db;
};

row_cache::row_cache(cache_config config) : self_(std::make_unique<implementation>(std::move(config))) {}
row_cache::~row_cache() = default;

std::optional<standing> row_cache::stands(const space& of)
{
    const std::shared_lock lock{self_->mutex};
    std::string held;
    const auto status = self_->opened().Get(rocksdb::ReadOptions{}, prefix_of('s', of), &held);
    if (status.IsNotFound())
        return std::nullopt;
    check(status);
    return decode(held);
}

std::vector<std::optional<std::string>> row_cache::get(const space& of, std::span<const std::string> keys)
{
    const std::shared_lock lock{self_->mutex};
    const std::string prefix = prefix_of('r', of);
    std::vector<std::string> full;
    full.reserve(keys.size());
    for (const auto& key : keys)
        full.push_back(prefix + key);
    const std::vector<rocksdb::Slice> slices{full.begin(), full.end()};
    std::vector<rocksdb::PinnableSlice> values(keys.size());
    std::vector<rocksdb::Status> states(keys.size());
    self_->opened().MultiGet(rocksdb::ReadOptions{}, self_->opened().DefaultColumnFamily(), slices.size(),
                             slices.data(), values.data(), states.data());

    std::vector<std::optional<std::string>> found(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i)
    {
        if (states[i].IsNotFound())
            continue;
        check(states[i]);
        found[i] = values[i].ToString();
    }
    return found;
}

void row_cache::write(changes& made)
{
    expect_room(directory());
    const std::shared_lock lock{self_->mutex};
    rocksdb::WriteOptions how;
    how.disableWAL = self_->config.is_scratch;
    check(self_->opened().Write(how, &made.self_->batch));
}

std::vector<std::pair<std::string, std::string>> row_cache::walk(const space& of, const std::string& after,
                                                                 std::size_t count_max)
{
    const std::shared_lock lock{self_->mutex};
    const std::string prefix = prefix_of('r', of);
    rocksdb::ReadOptions how;
    how.fill_cache = false;
    const std::unique_ptr<rocksdb::Iterator> at{self_->opened().NewIterator(how)};
    std::vector<std::pair<std::string, std::string>> found;
    at->Seek(prefix + after);
    if (!after.empty() && at->Valid() && at->key() == rocksdb::Slice{prefix + after})
        at->Next();
    for (; at->Valid() && at->key().starts_with(prefix) && found.size() < count_max; at->Next())
    {
        auto key = at->key();
        key.remove_prefix(prefix.size());
        found.emplace_back(key.ToString(), at->value().ToString());
    }
    check(at->status());
    return found;
}

void row_cache::drop(const space& of)
{
    expect_room(directory());
    const std::shared_lock lock{self_->mutex};
    const std::string from = prefix_of('r', of);
    std::string to = from;
    while (!to.empty() && static_cast<unsigned char>(to.back()) == 0xff)
        to.pop_back();
    to.back() = static_cast<char>(static_cast<unsigned char>(to.back()) + 1);

    rocksdb::WriteBatch batch;
    check(batch.Delete(prefix_of('s', of)));
    check(batch.DeleteRange(from, to));
    check(self_->opened().Write(rocksdb::WriteOptions{}, &batch));
}

void row_cache::start_over()
{
    const std::unique_lock lock{self_->mutex};
    self_->start_over();
}

const std::filesystem::path& row_cache::directory() const { return self_->taken.directory(); }

std::size_t row_cache::keys_estimated()
{
    const std::shared_lock lock{self_->mutex};
    std::uint64_t keys = 0;
    self_->opened().GetIntProperty("rocksdb.estimate-num-keys", &keys);
    return keys;
}
}  // namespace projection
