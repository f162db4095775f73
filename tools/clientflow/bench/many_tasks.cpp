// See many_tasks.hpp.
#include "tools/clientflow/bench/many_tasks.hpp"

#include "tools/clientflow/program.hpp"

#include <chrono>
#include <stdexcept>

namespace cli::bench
{
namespace
{
using steady = std::chrono::steady_clock;
constexpr auto rows_deadline = std::chrono::minutes{10};  // from the last write to its row

std::string make_project(const wire::endpoint& to, const std::string& key)
{
    wire::request asked;
    asked.method = "POST";
    asked.target = "/api/v1/projects";
    asked.key = key;
    asked.body = R"({"name":"All of it"})";
    const auto got = wire::call(to, asked);
    constexpr std::string_view before = "\"id\":\"";
    const auto at = got.body.find(before);
    if (got.status != 201 || at == std::string::npos)
        throw std::runtime_error("the project of the benchmark was refused: " + got.body);
    const auto begin = at + before.size();
    return got.body.substr(begin, got.body.find('"', begin) - begin);
}
}  // namespace

std::string rendered(const wire::endpoint& to, const char* method, const std::string& target, const std::string& key,
                     const std::string& body, const char* headers)
{
    wire::request asked;
    asked.method = method;
    asked.target = target;
    asked.key = key;
    asked.headers = headers;
    asked.body = body;
    return wire::render(to, asked);
}

void make_tasks(const wire::endpoint& to, const std::string& key, std::int64_t rows, int connections,
                const members_of_task& members, progress& line)
{
    const auto project = make_project(to, key);
    std::int64_t sent = 0, finished = 0;
    const auto next = [&] {
        return rendered(to, "POST", "/api/v1/tasks", key, R"({"project_id":")" + project + '"' + members(++sent) + '}');
    };
    wire::exchange by{to, connections};
    const auto answered = [&](int connection, wire::response& got) {
        if (got.status != 201)
            throw std::runtime_error("a task of the benchmark was refused: " + got.body);
        if (++finished % 10'000 == 0)
            line.tell("preparing " + std::to_string(finished) + " of " + std::to_string(rows) + " tasks");
        if (sent < rows)
            by.send(connection, next());
    };
    for (int c = 0; c < connections && sent < rows; ++c)
        by.send(c, next());
    while (finished < rows && !stop_asked())
        by.step(std::chrono::milliseconds{50}, answered);
}

void wait_for_rows(const wire::endpoint& to, const std::string& key, progress& line)
{
    line.tell("waiting for the read models");
    const auto until = steady::now() + rows_deadline;
    wire::request asked;
    asked.method = "GET";
    asked.target = "/api/v1/tasks?limit=1";
    asked.key = key;
    asked.headers = "Prefer: wait=10, handling=strict\r\n";
    while (!stop_asked() && wire::call(to, asked).status != 200)
        if (steady::now() > until)
            throw std::runtime_error("the read models of the benchmark did not catch up");
}
}  // namespace cli::bench
