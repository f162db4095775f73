// Events of a megabyte in the log of the read models: folded, built anew, audited and mended like any other, beside
// small ones, and many in one batch.
#include "events/task.hpp"
#include "projections/runner/row_audit.hpp"
#include "projections/runner/row_mending.hpp"
#include "projections/task.hpp"
#include "tests/kit/projections/world.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>

using namespace projection_tests;

namespace
{
constexpr std::size_t megabyte = 1024 * 1024;
constexpr int large_ones = 12;  // of one lane: more than the feed hands out in one batch

task::created task_of(std::size_t bytes, int number)
{
    task::created fact;
    fact.id = {fresh_id()};
    fact.project_id = {fresh_id()};
    fact.title = "T";
    fact.description = std::to_string(number) + " \"quoted\" \xF0\x9F\x98\x80 ";
    fact.description->resize(std::max(bytes, fact.description->size()), 'x');
    return fact;
}

std::string lengths(world& in, const std::string& rows)
{
    return in.db.run(
        "select count(*) || ' of ' || min(length(description)) || ' to ' || max(length(description)) from " + rows +
        " where octet_length(description) > " + std::to_string(megabyte - 1));
}

projection::row_audit_config auditing(const world& in)
{
    projection::row_audit_config made;
    made.rows = in.rows();
    made.keys = in.verifying().keys;
    return made;
}

// Rows that an audit finds other than the log says, of this tenant.
std::vector<projection::row_key> differing(world& in, const projection::audited_tenant& whose)
{
    projection::row_audit audit{auditing(in), *in.keys};
    audit.open();
    std::vector<projection::row_key> found;
    projection::row_digests digests;
    std::uint64_t rows = 0;
    for (std::optional<uuid> after{uuid{}}; after;)
    {
        const auto slice = audit.rows(task::read_model(), whose, *after, digests);
        for (const auto& each : slice.differences)
            found.push_back(each.key);
        rows += slice.rows;
        after = slice.next;
    }
    CHECK(rows == 2 * large_ones);
    CHECK((digests.wanted == digests.found) == found.empty());
    return found;
}
}  // namespace

TEST_CASE("events of a megabyte are folded, built anew, audited and mended beside small ones, many in a batch")
{
    world in;
    const projection::audited_tenant whose{in.tenant(1), 1};
    const auto first = task_of(megabyte, 0);
    in.append(whose.tenant, "task", first.id.value, first);
    for (int i = 1; i < 2 * large_ones; ++i)
    {
        const auto next = task_of(i % 2 == 0 ? megabyte : 0, i);
        in.append(whose.tenant, "task", next.id.value, next);
    }
    task::changed other;
    other.id = first.id;
    other.description =
        event_log::change<std::optional<std::string>>{first.description, task_of(megabyte, 1'000).description};
    in.append(whose.tenant, "task", first.id.value, other);
    in.flush();
    CHECK(std::stoul(in.db.run("select max(octet_length(data::text)) from es.event")) > 2 * megabyte);

    const auto expected = std::to_string(large_ones) + " of 1048573 to 1048573";
    {
        running it{in, in.room.path() / "cache"};
        it.catch_up();
        CHECK(lengths(in, "read.task") == expected);
        CHECK(in.verified().different == 0);
        CHECK(differing(in, whose).empty());

        const projection::definition* of = &task::read_model();
        CHECK(in.rebuild({&of, 1}).front().rows_in == "read.task_v2");
        CHECK(lengths(in, "read.task_v2") == expected);
        CHECK(in.verified_versions().different == 0);

        in.db.run("update read.task set description = left(description, 10) where id = '" + first.id.value.text() +
                  "'");
        const auto bent = differing(in, whose);
        REQUIRE(bent.size() == 1);
        CHECK(bent.front().id == first.id.value);
        projection::row_mending mending{auditing(in), *in.keys};
        CHECK(mending.rows(task::read_model(), whose, {&first.id.value, 1}).written == 1);
        CHECK(lengths(in, "read.task") == expected);
        CHECK(differing(in, whose).empty());
    }
    // One that knows nothing goes on with rows of that size.
    running cold{in, in.room.path() / "empty cache"};
    in.append(whose.tenant, "task", first.id.value, task::archived{first.id});
    in.flush();
    cold.catch_up();
    CHECK(in.db.run("select count(*) from read.parked") == "0");
    CHECK(in.verified_versions().different == 0);
}
