// The local copy of the rows that this process folds, in RocksDB: makes folding free of read round trips.
//
// Never truth. Each (projection, version, lane) is a space of its own, with the position its rows stand at; a space
// whose position, generation, incarnation, last event or row shape differs from PostgreSQL's checkpoint is dropped and
// filled again. Each process takes the first free directory DATA/cache/<slot> by flock, held until the object goes.
// What cannot be read (damaged files, a full disk) is deleted and begun anew; the caller then finds all spaces empty.
// Every function may throw `cache_broken`; afterwards only `start_over` is allowed. Serves several threads.
#pragma once

#include "schemas/uuid.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace projection
{
struct cache_broken : std::runtime_error
{
    using runtime_error::runtime_error;
};

// Throws it, "No space left on device", while less is free than `cache_room_min_bytes` of cache_slot.hpp.
void expect_room(const std::filesystem::path& at);

// Which rows: those of one projection in one lane.
struct space
{
    std::string_view projection;
    std::int32_t version = 1;
    std::int32_t lane = 0;
};

// Where a space's rows stand.
struct standing
{
    std::int64_t seq = 0;
    std::int64_t generation = 0;
    std::string incarnation;
    schema::uuid event_id;     // of the event at seq; nil at 0
    std::uint64_t shape = 0;   // of the rows' bytes
    bool is_complete = false;  // a row that is not here does not exist
    friend bool operator==(const standing&, const standing&) = default;
};

struct cache_config
{
    std::filesystem::path directory;  // DATA/cache
    std::size_t block_cache_bytes = 32 * 1024 * 1024;
    std::size_t write_buffer_bytes = 16 * 1024 * 1024;
    int slots_max = 64;
    bool is_scratch = false;  // begins empty, ends empty, and is lost with the process
};

class row_cache
{
public:
    explicit row_cache(cache_config);
    ~row_cache();

    // What one commit leaves behind, written at once.
    class changes
    {
    public:
        changes();
        ~changes();
        changes(changes&&) noexcept;
        changes& operator=(changes&&) noexcept;
        void put(const space&, std::string_view key, std::string_view value);
        void erase(const space&, std::string_view key);
        void stand(const space&, const standing&);

    private:
        friend class row_cache;
        struct implementation;
        std::unique_ptr<implementation> self_;
    };

    std::optional<standing> stands(const space&);
    // One value per key, nothing where there is none.
    std::vector<std::optional<std::string>> get(const space&, std::span<const std::string> keys);
    void write(changes&);
    // Rows of a space in the order of their keys, behind `after` ("" for the first); empty: that was all.
    std::vector<std::pair<std::string, std::string>> walk(const space&, const std::string& after,
                                                          std::size_t count_max);
    // Rows and standing of a space.
    void drop(const space&);
    // Deletes everything and opens an empty cache. Throws when even that fails.
    void start_over();

    const std::filesystem::path& directory() const;  // the slot taken
    std::size_t keys_estimated();

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};
}  // namespace projection
