// A stream that begins with an event in an old shape is commanded, replayed and read like any other.
#include "events/log/store.hpp"
#include "events/log/upcast.hpp"
#include "events/task.hpp"
#include "tests/integration/http/stage.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using event_log::stream_key;
using http_tests::ask;
using http_tests::stage;
using http_tests::value_of;

namespace
{
class given_an_old_task
{
public:
    given_an_old_task() : of(at.new_tenant("old-events"))
    {
        const auto project = ask(at, of.key, "POST", "/api/v1/projects", R"({"name": "Gemini"})");
        REQUIRE_MESSAGE(project.status == 201, project.body);
        id.value = at.new_id();
        append_first_version(value_of(project.body, "id"));
    }

    kit::reply patch(const std::string& body, const std::string& key) const
    {
        return ask(at, of.key, "PATCH", path(), body, {{"Idempotency-Key", key}});
    }

    std::string path() const { return "/api/v1/tasks/" + id.text(); }
    stream_key stream() const { return {of.id, "task", id.value}; }

    stage at;
    http_tests::tenant of;
    task::task_id id;
    event_log::store log{{.dsn = at.db.dsn()}};

private:
    // As a server of that time wrote it: estimates were whole hours.
    void append_first_version(const std::string& project)
    {
        const std::string data =
            R"({"id":")" + id.text() + R"(","project_id":")" + project +
            R"(","title":"Call Ann","description":null,"status":"todo","priority":"normal","due_on":null,)"
            R"("assignee_ids":[],"estimate_hours":3,"labels":[],"parent_id":null})";
        at.append_raw(of, "task", id.value, {}, "task.created", 1, data);
    }
};
}  // namespace

TEST_CASE_FIXTURE(given_an_old_task, "an old event is loaded as it was stored, and lifted where it is decoded")
{
    const std::vector<event_log::stream_ask> asks{{stream()}};
    const auto loaded = log.load(asks, {});
    REQUIRE(loaded.streams.front().size() == 1);
    CHECK(loaded.streams.front().front().schema_version == 1);
    event_log::recorded room;
    const auto& born = event_log::newest_shape(loaded.streams.front().front(), room);
    CHECK(born.schema_version == 2);
    CHECK(value_of(born.data, "estimate_minutes") == "180");
    CHECK(born.data.find("estimate_hours") == std::string::npos);
    CHECK(at.db.run("select schema_version || data::text from es.event where type = 'task.created'")
              .starts_with("1{\"id\""));
}

TEST_CASE_FIXTURE(given_an_old_task, "commands are decided on an old event as it means today, and answers show that")
{
    const auto nothing = patch(R"({"estimate_minutes": 180})", "first");
    REQUIRE_MESSAGE(nothing.status == 200, nothing.body);
    CHECK(nothing.header("ETag") == "\"1\"");
    CHECK(value_of(nothing.body, "estimate_minutes") == "180");

    const auto changed = patch(R"({"estimate_minutes": 240})", "second");
    REQUIRE_MESSAGE(changed.status == 200, changed.body);
    CHECK(changed.header("ETag") == "\"2\"");
    CHECK(value_of(changed.body, "estimate_minutes") == "240");
    CHECK(value_of(changed.body, "title") == "Call Ann");
    CHECK(at.db.run("select (data #>> '{estimate_minutes,old}') || ' ' || (data #>> '{estimate_minutes,new}')"
                    " from es.event where type = 'task.changed'") == "180 240");

    // The replay is rendered from the stream as it was at that version, which is the old event alone.
    const auto replayed = patch(R"({"estimate_minutes": 180})", "first");
    CHECK(replayed.header("Idempotency-Replayed") == "true");
    CHECK(replayed.body == nothing.body);

    const auto shown = ask(at, of.key, "GET", path());
    CHECK(shown.status == 200);
    CHECK(shown.body == changed.body);
}
