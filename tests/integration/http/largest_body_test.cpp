// The largest bodies that are taken, all the way through the house: command, log, feed, rows, history, streams, polls,
// lists, and rows made anew from the log. One byte more is refused, and leaves nothing.
#include "tests/integration/http/event_stream.hpp"
#include "tests/integration/http/stage.hpp"
#include "tests/kit/eventually.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace
{
using http_tests::ask;
using http_tests::stage;
using http_tests::value_of;

constexpr std::size_t body_max = 256 * 1024;
constexpr std::size_t batch_max = 1024 * 1024;
constexpr int description_max = 20'000;  // code points

const kit::header_list as_new{{"Prefer", "wait=10, handling=strict"}};

std::string repeated(std::string_view what, int times)
{
    std::string made;
    for (int i = 0; i < times; ++i)
        made += what;
    return made;
}

// As a client that escapes all it can sends it: three times the bytes of what is kept.
std::string escaped_description(std::string_view low_surrogate)
{
    return "\"description\": \"" + repeated("\\ud83d" + std::string{low_surrogate}, description_max) + '"';
}
const std::string smiles = repeated("\xF0\x9F\x98\x80", description_max),
                  cats = repeated("\xF0\x9F\x98\xB8", description_max);

// An object of this many bytes: what is missing is white space before its end.
std::string filled(std::string members, std::size_t bytes)
{
    std::string made = "{" + std::move(members);
    REQUIRE(made.size() < bytes);
    made.append(bytes - 1 - made.size(), ' ');
    return made + '}';
}

std::string task_of(const std::string& project, const std::string& title)
{
    return R"("title": ")" + title + R"(", "project_id": ")" + project + "\", " + escaped_description("\\ude00");
}

struct given_a_project
{
    given_a_project()
    {
        const auto made = ask(in, of.key, "POST", "/api/v1/projects", R"({"name": "P"})");
        REQUIRE(made.status == 201);
        project = value_of(made.body, "id");
    }

    static http_tests::stage_options with_snapshots()
    {
        http_tests::stage_options options;
        options.snapshots_every = 1;
        return options;
    }
    std::string events() const { return in.db.run("select count(*) from es.event where category = 'task'"); }
    kit::reply get(const std::string& target, kit::header_list more = as_new) const
    {
        return ask(in, of.key, "GET", target, "", std::move(more));
    }

    stage in{with_snapshots()};
    http_tests::tenant of = in.new_tenant("largest");
    std::string project;
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
}  // namespace

TEST_CASE_FIXTURE(given_a_project, "the largest body goes through everything, and one byte more goes nowhere")
{
    http_tests::stream_client listens{in, of.key};
    REQUIRE(listens.head().status == 200);
    const auto start = value_of(get("/api/v1/events?limit=200").body, "next_after");

    const auto refused = ask(in, of.key, "POST", "/api/v1/tasks", filled(task_of(project, "T"), body_max + 1));
    CHECK(refused.status == 413);
    CHECK(value_of(refused.body, "code") == "too_large");
    CHECK(value_of(refused.body, "applied") == "no");
    CHECK(events() == "0");

    const auto made = ask(in, of.key, "POST", "/api/v1/tasks", filled(task_of(project, "T"), body_max));
    REQUIRE_MESSAGE(made.status == 201, made.body);
    CHECK(value_of(made.body, "description") == smiles);
    const auto path = "/api/v1/tasks/" + value_of(made.body, "id");
    const auto too_much = ask(in, of.key, "PATCH", path, filled(escaped_description("\\ude38"), body_max + 1));
    CHECK(too_much.status == 413);
    // The fact holds the old text and the new one.
    const auto changed = ask(in, of.key, "PATCH", path, filled(escaped_description("\\ude38"), body_max));
    REQUIRE_MESSAGE(changed.status == 200, changed.body);
    CHECK(events() == "2");
    CHECK(std::stoi(in.db.run("select max(octet_length(data::text)) from es.event")) > 160'000);

    const auto shows_all = [&] {
        CHECK(value_of(get(path).body, "description") == cats);
        CHECK(has(get("/api/v1/tasks").body, cats));
        auto as_csv = as_new;
        as_csv.emplace_back("Accept", "text/csv");
        CHECK(has(get("/api/v1/tasks", as_csv).body, cats));
    };
    shows_all();
    CHECK(value_of(get(path + "?at=1").body, "description") == smiles);
    CHECK(value_of(get(path + "?at=2").body, "description") == cats);
    const auto history = get(path + "/history").body;
    CHECK(has(history, "\"old\":\"" + smiles + "\",\"new\":\"" + cats + '"'));

    const auto created = listens.next_event(), updated = listens.next_event();
    CHECK(created.event == "task.created");
    CHECK(has(created.data, smiles));
    CHECK(updated.event == "task.updated");
    CHECK(has(updated.data, cats));
    const auto page = get("/api/v1/events?after=" + start);
    CHECK(has(page.body, smiles));
    CHECK(has(page.body, cats));

    CHECK(kit::eventually([&] { return in.snapshots->look().written >= 2; }));
    CHECK(value_of(get(path + "?at=1").body, "description") == smiles);
    in.db.run("update read.task set description = 'bent'");
    CHECK(in.rebuild_rows(of, "task"));
    shows_all();
    CHECK(in.verified().different == 0);
}

TEST_CASE_FIXTURE(given_a_project,
                  "the largest batch is one megabyte, holds four of the largest commands, and no byte more")
{
    const auto command = [&](const std::string& title, std::size_t bytes) {
        return R"({"method": "POST", "path": "/api/v1/tasks", "body": )" + filled(task_of(project, title), bytes) + "}";
    };
    std::string commands;
    for (const char* title : {"one", "two", "three", "four"})
        commands += (commands.empty() ? "" : ",") + command(title, body_max - 512);
    const auto batch = [&](std::size_t bytes) {
        return ask(in, of.key, "POST", "/api/v1/batch",
                   filled(R"("atomic": true, "commands": [)" + commands + "]", bytes));
    };
    // Refused by its length alone: nobody has to send it first.
    auto wire = in.connect();
    wire.send("POST /api/v1/batch HTTP/1.1\r\nHost: x\r\nX-API-Key: " + of.key +
              "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(batch_max + 1) + "\r\n\r\n");
    const auto refused = wire.read();
    CHECK(refused.status == 413);
    CHECK(value_of(refused.body, "code") == "too_large");
    CHECK(events() == "0");

    const auto made = batch(batch_max);
    REQUIRE_MESSAGE(made.status == 200, made.body.substr(0, 1'000));
    CHECK(events() == "4");
    const auto list = get("/api/v1/tasks").body;
    for (const char* title : {"one", "two", "three", "four"})
        CHECK(has(list, std::string{"\"title\":\""} + title + "\""));
    CHECK(has(list, smiles));
    CHECK(in.verified().different == 0);
}

TEST_CASE_FIXTURE(given_a_project, "a command of a batch is no larger than one that comes alone, white space apart")
{
    const auto batch = [&](const std::string& body) {
        return ask(in, of.key, "POST", "/api/v1/batch",
                   R"({"commands": [{"method": "POST", "path": "/api/v1/tasks", "body": )" + body + "}]}");
    };
    const auto with_description = [&](std::size_t bytes) {
        std::string made = R"({"title":"T","project_id":")" + project + R"(","description":")";
        made.append(bytes - made.size() - 2, 'x');
        return made + "\"}";
    };
    CHECK(has(batch(with_description(body_max + 1)).body, "\"too_large\""));
    CHECK(has(batch(with_description(body_max)).body, "\"too_long\""));  // it is read, and judged like any other
    CHECK(events() == "0");
    CHECK(has(batch(filled(R"("title": "T", "project_id": ")" + project + '"', body_max + 1)).body, "\"status\":201"));
    CHECK(events() == "1");
    CHECK(get("/api/v1/tasks").status == 200);  // shows it
    CHECK(in.verified().different == 0);
}
