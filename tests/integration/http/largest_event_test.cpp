// Events of a megabyte, which no request could have asked for: bounds are those of commands, and what is in the log is
// shown whole wherever events and rows are shown.
#include "events/task.hpp"
#include "schemas/record.hpp"
#include "tests/integration/http/event_stream.hpp"
#include "tests/integration/http/stage.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace
{
using http_tests::ask;
using http_tests::value_of;

constexpr std::size_t megabyte = 1024 * 1024;

const kit::header_list as_new{{"Prefer", "wait=10, handling=strict"}};

// A description so long that the fact is a megabyte, and no byte of it needs an escape.
std::string megabyte_of(std::string_view mark)
{
    std::string made{mark};
    while (made.size() < megabyte)
        made += " \xF0\x9F\x98\x80 word " + std::to_string(made.size());
    return made;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

http_tests::stage_options with_snapshots()
{
    http_tests::stage_options options;
    options.snapshots_every = 1;
    return options;
}

struct given_a_project
{
    // Its path.
    std::string append_task(const std::string& description)
    {
        task::created fact;
        fact.id = {in.new_id()};
        fact.project_id = *project::project_id::parse(project);
        fact.title = "T";
        fact.description = description;
        std::string data;
        schema::write_json(fact, data);
        REQUIRE(data.size() > megabyte);
        in.append_raw(of, "task", fact.id.value, {}, "task.created", 2, std::move(data));
        return "/api/v1/tasks/" + fact.id.text();
    }
    kit::reply get(const std::string& target, kit::header_list more = as_new) const
    {
        return ask(in, of.key, "GET", target, "", std::move(more));
    }
    std::string all_pages(const std::string& target) const
    {
        std::string all;
        for (std::string next; next != "null";)
        {
            const auto page = get(target + (next.empty() ? "" : "&cursor=" + next));
            REQUIRE_MESSAGE(page.status == 200, page.body.substr(0, 1'000));
            all += page.body;
            next = value_of(page.body, "next_cursor");
            REQUIRE_FALSE(next.empty());
        }
        return all;
    }
    // Reads of this key are as new as this write, and so as everything before it.
    void write_something() { made(in, of, "/api/v1/clients", R"({"name": "Ann"})"); }

    http_tests::stage in{with_snapshots()};
    http_tests::tenant of = in.new_tenant("large-events");
    std::string project = made(in, of, "/api/v1/projects", R"({"name": "P"})");
    std::string start = value_of(get("/api/v1/events?limit=200").body, "next_after");
};
}  // namespace

TEST_CASE_FIXTURE(given_a_project, "an event of a megabyte is shown whole by rows, histories and the audit trail")
{
    const auto text = megabyte_of("first"), other = megabyte_of("other");
    const auto path = append_task(text), other_path = append_task(other);
    write_something();
    const auto shows_all = [&] {
        CHECK(value_of(get(path).body, "description") == text);
        CHECK(value_of(get(other_path).body, "description") == other);
        auto as_csv = as_new;
        as_csv.emplace_back("Accept", "text/csv");
        for (const auto& list : {get("/api/v1/tasks").body, get("/api/v1/tasks", as_csv).body})
        {
            CHECK(has(list, text));
            CHECK(has(list, other));
        }
    };
    shows_all();
    CHECK(value_of(get(path + "?at=1").body, "description") == text);
    CHECK(has(get(path + "/history").body, "\"new\":\"" + text + '"'));
    CHECK(has(get("/api/v1/search?q=first").body, path.substr(path.rfind('/') + 1)));

    // Commands go on from there: one that says nothing of it, and one whose fact holds all of it as what it was.
    CHECK(ask(in, of.key, "PATCH", path, R"({"title": "U"})").status == 200);
    CHECK(value_of(get(path).body, "description") == text);
    const auto cut = ask(in, of.key, "PATCH", other_path, R"({"description": "short"})");
    REQUIRE_MESSAGE(cut.status == 200, cut.body.substr(0, 1'000));
    CHECK(std::stoul(in.db.run("select octet_length(data::text) from es.event where type = 'task.changed' and"
                               " version = 2 order by seq desc limit 1")) > megabyte);
    CHECK(value_of(get(other_path).body, "description") == "short");
    CHECK(has(all_pages(other_path + "/history?limit=50"), "\"old\":\"" + other + "\",\"new\":\"short\""));
    const auto trail = all_pages("/api/v1/audit?entity=task");
    CHECK(has(trail, text));
    CHECK(has(trail, other));

    CHECK(in.verified().different == 0);
    in.db.run("update read.task set description = 'bent'");
    CHECK(in.verified().different == 2);
    CHECK(in.rebuild_rows(of, "task"));
    CHECK(value_of(get(path).body, "description") == text);
    CHECK(in.verified().different == 0);
}

TEST_CASE_FIXTURE(given_a_project, "an event of a megabyte goes whole through polls and streams, late and live")
{
    const auto text = megabyte_of("late"), live = megabyte_of("live");
    append_task(text);
    append_task(text);
    std::string polled, after = start;
    for (const auto found = [&] { return polled.find(text, polled.find(text) + 1) != std::string::npos; }; !found();)
    {
        const auto page = get("/api/v1/events?after=" + after, {});
        REQUIRE_MESSAGE(page.status == 200, page.body.substr(0, 1'000));
        REQUIRE(value_of(page.body, "next_after") != after);
        polled += page.body;
        after = value_of(page.body, "next_after");
    }

    http_tests::stream_client listens{in, of.key, "?after=" + start};
    REQUIRE(listens.head().status == 200);
    for (int i = 0; i < 2; ++i)
    {
        const auto told = listens.next_event();
        CHECK(told.event == "task.created");
        CHECK(has(told.data, text));
    }
    append_task(live);
    CHECK(has(listens.next_event().data, live));
    // One that was cut off in between goes on with it.
    http_tests::stream_client again{in, of.key, "", after};
    CHECK(has(again.next_event().data, live));
    CHECK(has(get("/api/v1/events?after=" + after, {}).body, live));
    write_something();
    CHECK(get("/api/v1/tasks").status == 200);
    CHECK(in.verified().different == 0);
}
