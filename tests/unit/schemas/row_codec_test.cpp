// Rows in compact form: they come back as they were, and nothing else is taken for one.
#include "events/project.hpp"
#include "events/task.hpp"
#include "schemas/row_codec.hpp"

#include <doctest/doctest.h>

#include <random>

namespace
{
task::item full_task()
{
    task::item it;
    it.id.value.bytes.fill(7);
    it.version = -3;
    it.created_at = {1'700'000'000'123'456};
    it.updated_at = {-1};
    it.archived_at = schema::moment{0};
    it.project_id.value.bytes.fill(200);
    it.title = std::string{"with \0 inside", 13};
    it.description = "";
    it.status = task::status::done;
    it.priority = task::priority::urgent;
    it.due_on = schema::day{-400};
    it.assignee_ids.resize(3);
    it.estimate_minutes = std::int64_t{1} << 52;
    it.labels = {"", "a", std::string(300, 'x')};
    return it;
}

std::string encoded(const task::item& it)
{
    std::string bytes;
    schema::encode_row(schema::schema_of<task::item>, &it, bytes);
    return bytes;
}
}  // namespace

TEST_CASE("a row in compact form comes back as it was")
{
    for (const auto& it : {full_task(), task::item{}})
    {
        task::item back;
        REQUIRE(schema::decode_row(schema::schema_of<task::item>, &back, encoded(it)));
        CHECK(back == it);
    }
}

TEST_CASE("money, days and lists of ids come back")
{
    project::item it;
    it.budget = schema::money{-125'000, "EUR"};
    it.starts_on = schema::day{20'000};
    it.member_ids.resize(2);
    it.member_ids[1].value.bytes.fill(9);
    std::string bytes;
    schema::encode_row(schema::schema_of<project::item>, &it, bytes);
    project::item back;
    REQUIRE(schema::decode_row(schema::schema_of<project::item>, &back, bytes));
    CHECK(back == it);
}

TEST_CASE("bytes that were cut anywhere, or go on after the row, are not a row")
{
    const std::string bytes = encoded(full_task());
    for (std::size_t length = 0; length < bytes.size(); ++length)
    {
        task::item back;
        CHECK_FALSE(
            schema::decode_row(schema::schema_of<task::item>, &back, std::string_view{bytes}.substr(0, length)));
    }
    task::item back;
    CHECK_FALSE(schema::decode_row(schema::schema_of<task::item>, &back, bytes + '\0'));
}

TEST_CASE("damaged bytes are refused or read as another row, and never crash")
{
    std::mt19937 random{20'261'121};
    const std::string bytes = encoded(full_task());
    for (int i = 0; i < 5'000; ++i)
    {
        std::string damaged = bytes;
        for (int n = 0; n < 3; ++n)
            damaged[random() % damaged.size()] = static_cast<char>(random());
        task::item back;
        if (schema::decode_row(schema::schema_of<task::item>, &back, damaged))
            CHECK(static_cast<int>(back.status) < 4);
    }
}

TEST_CASE("rows of different nouns have different shapes")
{
    CHECK(schema::shape_of(schema::schema_of<task::item>) != schema::shape_of(schema::schema_of<project::item>));
    CHECK(schema::shape_of(schema::schema_of<task::item>) == schema::shape_of(schema::schema_of<task::item>));
}
