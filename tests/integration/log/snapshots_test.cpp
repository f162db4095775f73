// Snapshots on the disk: found by place and version, bounded, and never in anybody's way.
#include "events/log/snapshots.hpp"
#include "tests/kit/eventually.hpp"
#include "tests/kit/paths.hpp"

#include <doctest/doctest.h>
#include <rocksdb/db.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

using namespace event_log;

namespace
{
uuid nth(std::uint8_t n) { return uuid::v7(1'700'000'000'000, {n}); }

snapshot_place place(std::uint8_t stream = 1, std::uint64_t form = 5) { return {nth(100), nth(stream), form}; }

snapshot at(std::int64_t version, std::string state = "a state")
{
    return {{version, nth(static_cast<std::uint8_t>(version))}, {version * 10}, {version * 20}, {nth(9)}, state};
}

struct given_a_room
{
    kit::temporary_directory room;
    std::string incarnation = "1.1";

    snapshot_config config(std::string build = "build 1") const
    {
        snapshot_config made;
        made.directory = room.path() / "snapshots";
        made.folded_by = std::move(build);
        return made;
    }
    std::unique_ptr<snapshots> open(snapshot_config with)
    {
        return std::make_unique<snapshots>(std::move(with), [this] { return incarnation; });
    }
    std::unique_ptr<snapshots> open() { return open(config()); }
    std::filesystem::path files() const { return room.path() / "snapshots" / "0" / "states"; }
};
}  // namespace

TEST_CASE_FIXTURE(given_a_room, "the newest at or below a version is found, whole, also by the next process")
{
    auto made = open();
    for (const std::int64_t version : {10, 20, 30})
        made->keep(place(), at(version));
    made->keep(place(2), at(70));
    for (int process = 0; process < 2; ++process)
    {
        CHECK_FALSE(made->newest(place(), 9));
        CHECK(made->newest(place(), 10)->at.version == 10);
        CHECK(made->newest(place(), 29)->at.version == 20);
        const auto last = made->newest(place(), INT64_MAX);
        REQUIRE(last);
        CHECK(last->at == head{30, nth(30)});
        CHECK(last->recorded_at.us == 300);
        CHECK(last->occurred_max.us == 600);
        CHECK(last->subjects == std::vector<uuid>{nth(9)});
        CHECK(last->state == "a state");
        CHECK_FALSE(made->newest(place(3), INT64_MAX));
        CHECK(made->has(place(), 20));
        CHECK_FALSE(made->has(place(), 21));
        made.reset();
        made = open();
    }
    made->erase(place(), 20);
    CHECK(made->newest(place(), 29)->at.version == 10);
    made->erase_all(place());
    CHECK_FALSE(made->newest(place(), INT64_MAX));
    CHECK(made->newest(place(2), INT64_MAX)->at.version == 70);
}

TEST_CASE_FIXTURE(given_a_room, "another form, another build and another incarnation see nothing of it")
{
    auto made = open();
    made->keep(place(), at(10));
    CHECK_FALSE(made->newest(place(1, 6), INT64_MAX));
    incarnation = "2.1";
    CHECK_FALSE(made->newest(place(), INT64_MAX));
    incarnation = "1.1";
    CHECK(made->newest(place(), INT64_MAX));
    made.reset();
    CHECK_FALSE(open(config("build 2"))->newest(place(), INT64_MAX));
    CHECK(open()->newest(place(), INT64_MAX));
}

TEST_CASE_FIXTURE(given_a_room, "damaged ones are told, counted and gone, and older ones serve instead")
{
    open()->keep(place(), at(10));
    std::vector<std::string> good_keys;
    const auto with_files = [&](const auto& change) {
        rocksdb::DB* opened = nullptr;
        REQUIRE(rocksdb::DB::Open({}, files().string(), &opened).ok());
        const std::unique_ptr<rocksdb::DB> db{opened};
        const std::unique_ptr<rocksdb::Iterator> each{db->NewIterator({})};
        for (each->SeekToFirst(); each->Valid(); each->Next())
            change(*db, each->key().ToString(), each->value().ToString());
    };
    with_files([&](rocksdb::DB&, const std::string& key, const std::string&) { good_keys.push_back(key); });
    open()->keep(place(), at(20));
    with_files([&](rocksdb::DB& db, const std::string& key, std::string value) {
        if (key == good_keys.front())
            return;
        value.back() = static_cast<char>(value.back() ^ 1);
        REQUIRE(db.Put({}, key, value).ok());
    });
    const auto made = open();
    CHECK(made->newest(place(), INT64_MAX)->at.version == 10);
    CHECK(made->look().damaged == 1);
    CHECK(made->newest(place(), INT64_MAX)->at.version == 10);
    CHECK(made->look().damaged == 1);  // it is gone
}

TEST_CASE_FIXTURE(given_a_room, "files that cannot be read at all are begun anew")
{
    open()->keep(place(), at(10));
    for (const auto& file : std::filesystem::directory_iterator{files()})
        std::ofstream{file.path(), std::ios::trunc} << "no such thing";
    const auto made = open();
    CHECK_FALSE(made->newest(place(), INT64_MAX));
    made->keep(place(), at(20));
    CHECK(made->newest(place(), INT64_MAX)->at.version == 20);
}

TEST_CASE_FIXTURE(given_a_room, "processes side by side have directories of their own, and take over what one left")
{
    auto first = open();
    const auto second = open();
    CHECK(first->directory() != second->directory());
    first->keep(place(), at(10));
    CHECK_FALSE(second->newest(place(), INT64_MAX));
    first.reset();
    CHECK(open()->newest(place(), INT64_MAX));
}

TEST_CASE_FIXTURE(given_a_room, "what they take on disk is bounded, and the oldest go first")
{
    auto with = config();
    with.bytes_max = 2 << 20;
    with.write_buffer_bytes = 128 << 10;
    const auto made = open(with);
    const std::string state(50'000, 's');
    for (int n = 1; n <= 400; ++n)  // 20 MB
        made->keep({nth(100), uuid::v7(static_cast<std::uint64_t>(n), {1}), 5}, at(10, state));
    CHECK(made->look().written == 400);
    CHECK(made->newest({nth(100), uuid::v7(400, {1}), 5}, INT64_MAX));
    CHECK(kit::eventually([&] {
        std::uintmax_t bytes = 0;
        for (const auto& file : std::filesystem::directory_iterator{files()})
            bytes += file.path().extension() == ".sst" ? file.file_size() : 0;
        return bytes <= (3 << 20) && !made->newest({nth(100), uuid::v7(1, {1}), 5}, INT64_MAX);
    }));
}
