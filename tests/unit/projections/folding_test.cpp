// Batches folded in memory: keys apart from each other, faults kept to their key, totals as differences of rows.
#include "events/task.hpp"
#include "projections/audit_log.hpp"
#include "projections/runner/folding.hpp"
#include "projections/task.hpp"
#include "schemas/row_codec.hpp"

#include <doctest/doctest.h>

#include <deque>

using projection::definition;
using projection::folding;
using projection::recorded;
using projection::row_key;
using schema::uuid;

namespace
{
uuid numbered(std::uint8_t n)
{
    uuid id;
    id.bytes.fill(n);
    return id;
}

// A log of one tenant's tasks.
struct story
{
    const uuid tenant = numbered(1);
    std::deque<recorded> events;

    template <class Fact>
    void add(std::uint8_t task, const Fact& fact, const char* meta = nullptr)
    {
        recorded made;
        made.at = {0, static_cast<std::int64_t>(events.size()) + 1};
        made.stream = {tenant, "task", numbered(task)};
        made.version = made.at.seq;
        made.type = schema::schema_of<Fact>.name;
        schema::write_json(fact, made.data);
        made.meta = meta ? meta : R"({"actor":{"type":"system","id":""},"occurred_at":"2026-11-21T06:40:00Z"})";
        events.push_back(std::move(made));
    }

    void created(std::uint8_t task, task::status status = task::status::todo)
    {
        task::created fact;
        fact.id = {numbered(task)};
        fact.project_id = {numbered(50)};
        fact.title = "a task";
        fact.status = status;
        fact.assignee_ids = {{numbered(60)}};
        add(task, fact);
    }
    void completed(std::uint8_t task)
    {
        add(task, task::completed{{numbered(task)}, {task::status::todo, task::status::done}});
    }
    void archived(std::uint8_t task) { add(task, task::archived{{numbered(task)}}); }
};

const definition* const tasks[] = {&task::read_model()};

// Folds all events, with rows that exist before.
folding folded(const story& of, const std::map<row_key, std::string>& before = {}, std::int64_t seen = 0)
{
    folding batch{tasks};
    for (const auto& happened : of.events)
        batch.add(
            happened, [&](const definition&, std::int32_t) { return seen; },
            [](const definition&, const row_key&) { return false; });
    for (auto* slot : batch.wanted())
        if (const auto found = before.find(slot->key); found != before.end())
            slot->before = found->second;
    batch.fold([](const recorded&) { return nullptr; });
    return batch;
}

std::map<row_key, std::string> rows_of(const folding& batch)
{
    std::map<row_key, std::string> rows;
    for (const auto* slot : batch.wanted())
        rows[slot->key] = slot->after;
    return rows;
}

std::map<std::string, std::int64_t> totals_of(const folding& batch)
{
    std::map<std::string, std::int64_t> totals;
    for (const auto& [key, change] : batch.deltas())
        totals[key.counter + '/' + key.bucket] = change.amount;
    return totals;
}
}  // namespace

TEST_CASE("a new task counts in its status and the quarter of an hour of its creation")
{
    story of;
    of.created(2);
    CHECK(totals_of(folded(of)) == std::map<std::string, std::int64_t>{{"task.created/2026-11-21T06:30:00.000000Z", 1},
                                                                       {"task.status/todo", 1}});
}

TEST_CASE(
    "what a row added before is taken back: a completed task leaves its status, an archived one all but its creation")
{
    story first;
    first.created(2);
    const auto rows = rows_of(folded(first));

    story second = first;
    second.completed(2);
    const auto done = folded(second, rows, 1);
    CHECK(totals_of(done) == std::map<std::string, std::int64_t>{{"task.done_by/" + numbered(60).text(), 1},
                                                                 {"task.status/done", 1},
                                                                 {"task.status/todo", -1}});

    story third = second;
    third.archived(2);
    CHECK(totals_of(folded(third, rows_of(done), 2)) ==
          std::map<std::string, std::int64_t>{{"task.done_by/" + numbered(60).text(), -1}, {"task.status/done", -1}});
}

TEST_CASE("a row brings its words, an archived one takes them along, and what changes nothing of them writes none")
{
    story first;
    first.created(2);
    const auto fresh = folded(first);
    const auto& put = fresh.wanted().front()->terms.put;
    REQUIRE(put.size() == 2);
    CHECK(put[0].word == "a");
    CHECK(put[1].word == "task");
    const auto rows = rows_of(fresh);

    story second = first;
    second.completed(2);
    const auto done = folded(second, rows, 1);
    CHECK(done.wanted().front()->terms.is_nothing());

    story third = second;
    third.archived(2);
    const auto gone = folded(third, rows_of(done), 2);
    CHECK(gone.wanted().front()->terms.gone == std::vector<std::string>{"a", "task"});
    CHECK(gone.wanted().front()->terms.put.empty());
}

TEST_CASE("batches cut anywhere give the same rows as one")
{
    story of;
    of.created(2);
    of.created(3, task::status::waiting);
    of.completed(2);
    of.archived(3);
    of.completed(3);
    const auto whole = rows_of(folded(of));
    for (std::size_t cut = 1; cut < of.events.size(); ++cut)
    {
        story head = of;
        head.events.resize(cut);
        auto rows = rows_of(folded(head));
        rows.merge(rows_of(folded(of, rows, static_cast<std::int64_t>(cut))));
        for (const auto& [key, bytes] : rows_of(folded(of, rows_of(folded(head)), static_cast<std::int64_t>(cut))))
            rows[key] = bytes;
        CHECK(rows == whole);
    }
}

TEST_CASE("events that were seen already change nothing")
{
    story of;
    of.created(2);
    const auto batch = folded(of, {}, 1);
    CHECK(batch.wanted().empty());
    CHECK(batch.deltas().empty());
}

TEST_CASE("a fault stops its own key where it stands; the others go on")
{
    story of;
    of.created(2);
    of.created(3);
    of.add(2, task::archived{{numbered(2)}}, "no meta at all");
    of.completed(2);
    of.completed(3);
    const auto batch = folded(of);

    REQUIRE(batch.stopped().size() == 1);
    CHECK(batch.stopped()[0].key.id == numbered(2));
    CHECK(batch.stopped()[0].from_seq == 3);

    story good;
    good.created(2);
    good.created(3);
    auto expected = rows_of(folded(good));
    const auto rows = rows_of(batch);
    CHECK(rows.at({of.tenant, numbered(2)}) == expected.at({of.tenant, numbered(2)}));
    CHECK(rows.at({of.tenant, numbered(3)}) != expected.at({of.tenant, numbered(3)}));
    CHECK(totals_of(batch).at("task.status/done") == 1);
}

TEST_CASE("a fact that no version of the noun knows stops its key")
{
    story of;
    of.created(2);
    of.completed(2);
    of.events.back().type = "task.teleported";
    const auto batch = folded(of);
    REQUIRE(batch.stopped().size() == 1);
    CHECK(batch.stopped()[0].cause.find("task.teleported") != std::string::npos);
}

TEST_CASE("a projection of appended rows gets every event behind its position, readable or not, and folds none")
{
    story of;
    of.created(2);
    of.add(2, task::completed{{numbered(2)}, {task::status::todo, task::status::done}}, "not even JSON");
    of.created(3);
    const definition* const all[] = {&audit_log::read_model()};
    folding batch{all};
    for (const auto& happened : of.events)
        batch.add(
            happened, [](const definition&, std::int32_t) { return std::int64_t{1}; },
            [](const definition&, const row_key&) { return true; });
    batch.fold([](const recorded&) { return nullptr; });
    CHECK(batch.wanted().empty());
    CHECK(batch.stopped().empty());
    REQUIRE(batch.appended().size() == 1);
    const auto& lines = batch.appended()[0].events;
    REQUIRE(lines.size() == 2);

    audit_log::line line;
    audit_log::read_model().apply(&line, *lines[0], nullptr);
    CHECK(line.seq == 2);
    CHECK(line.action == "task.completed");
    CHECK(line.actor_type == event_log::actor_type::system);
    CHECK_FALSE(line.actor_id);
    CHECK(line.occurred_at == lines[0]->recorded_at);
}
