// `bench search`: three-letter beginnings of words sought among many tasks, at a steady rate.
//
// The client does not wait for answers: each search is due at its own time, and its latency counts from then, also when
// no connection is free. So a server that stalls is charged with every search that came due meanwhile.
#include "tools/clientflow/bench/benches.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <functional>
#include <random>
#include <stdexcept>

namespace cli::bench
{
namespace
{
using steady = std::chrono::steady_clock;
constexpr double searches_per_s = 200;
constexpr int words_known = 3'000;
constexpr std::int64_t rows_default = 1'000'000;
constexpr auto rows_deadline = std::chrono::minutes{10};  // from the last write to its row

constexpr std::array<std::string_view, 24> stems{"mee", "pro", "con", "int", "tra", "sta", "com", "pre",
                                                 "ana", "ver", "sys", "del", "rep", "sup", "out", "off",
                                                 "pla", "cha", "rev", "des", "mar", "net", "ord", "sec"};

// A few words are in many titles, most are rare; a stem is shared by 125 of them.
class vocabulary
{
public:
    std::string word()
    {
        const double share = std::uniform_real_distribution<double>{0, 1}(random_);
        const auto n = static_cast<std::size_t>(share * share * share * words_known);
        return std::string{stems[n % stems.size()]} + std::to_string(n / stems.size());
    }
    std::string_view stem() { return stems[std::uniform_int_distribution<std::size_t>{0, stems.size() - 1}(random_)]; }

private:
    std::mt19937 random_{20'261'127};
};

std::string rendered(const wire::endpoint& to, const char* method, const std::string& target, const std::string& key,
                     const std::string& body = {}, const char* headers = "")
{
    wire::request asked;
    asked.method = method;
    asked.target = target;
    asked.key = key;
    asked.headers = headers;
    asked.body = body;
    return wire::render(to, asked);
}

std::string project_of(const wire::endpoint& to, const std::string& key)
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

void fill(const wire::endpoint& to, const std::string& key, std::int64_t rows, int connections, progress& line)
{
    const auto project = project_of(to, key);
    vocabulary words;
    std::int64_t sent = 0, finished = 0;
    const auto next = [&] {
        ++sent;
        return rendered(to, "POST", "/api/v1/tasks", key,
                        R"({"project_id":")" + project + R"(","title":")" + words.word() + ' ' + words.word() + ' ' +
                            words.word() + ' ' + std::to_string(sent) + "\"}");
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

// Until the rows show what was written.
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

// Requests at their times, each latency from when it was due.
std::vector<float> at_a_rate(const wire::endpoint& to, int connections, double seconds,
                             const std::function<std::string()>& next)
{
    wire::exchange by{to, connections};
    std::vector<float> took_ms;
    std::vector<steady::time_point> due_of(static_cast<std::size_t>(connections));
    std::deque<steady::time_point> late;  // due, and no connection was free
    std::vector<int> idle;
    for (int c = 0; c < connections; ++c)
        idle.push_back(c);
    const auto answered = [&](int connection, wire::response& got) {
        if (got.status != 200)
            throw std::runtime_error("a request of the benchmark was refused: " + got.body);
        const auto spent = steady::now() - due_of[static_cast<std::size_t>(connection)];
        took_ms.push_back(std::chrono::duration<float, std::milli>(spent).count());
        idle.push_back(connection);
    };
    const auto begun = steady::now();
    const auto count = static_cast<std::int64_t>(seconds * searches_per_s);
    const auto due_at = [&](std::int64_t n) {
        return begun + std::chrono::duration_cast<steady::duration>(
                           std::chrono::duration<double>(static_cast<double>(n) / searches_per_s));
    };
    for (std::int64_t n = 0; (static_cast<std::int64_t>(took_ms.size()) < count) && !stop_asked();)
    {
        for (; n < count && due_at(n) <= steady::now(); ++n)
            late.push_back(due_at(n));
        for (; !late.empty() && !idle.empty(); late.pop_front(), idle.pop_back())
        {
            due_of[static_cast<std::size_t>(idle.back())] = late.front();
            by.send(idle.back(), next());
        }
        by.step(std::chrono::milliseconds{1}, answered);
    }
    return took_ms;
}
}  // namespace

report search(const settings& configured, const wishes& given, progress& line)
{
    const ground here{configured};
    const auto who = make_tenant(here.of(), "bench");
    const server running{here.of(), "api,projector"};
    const auto& to = running.api();
    const auto rows = given.rows > 0 ? given.rows : rows_default;
    fill(to, who.key, rows, given.connections, line);
    wait_for_rows(to, who.key, line);

    vocabulary words;
    const auto one_search = [&] {
        return rendered(to, "GET", "/api/v1/search?q=" + std::string{words.stem()}, who.key);
    };
    line.tell("searching");
    at_a_rate(to, given.connections, 2, one_search);
    auto took = at_a_rate(to, given.connections, given.seconds, one_search);
    auto floor =
        at_a_rate(to, given.connections, given.seconds / 4, [&] { return rendered(to, "GET", "/api/v1/me", who.key); });
    report made;
    made.name = "search";
    made.under = here.measured();
    made.under.rows = rows;
    made.under.seconds = given.seconds;
    made.under.connections = given.connections;
    made.under.variant = "three letters, 200 searches/s, from when each was due";
    made.found = {{"p50_ms", quantile(took, 0.5)}, {"p99_ms", quantile(took, 0.99)}};
    made.floor = {{"me_p50_ms", quantile(floor, 0.5)}, {"me_p99_ms", quantile(floor, 0.99)}};
    made.ratio = quantile(floor, 0.99) / std::max(quantile(took, 0.99), 1e-9);
    return made;
}
}  // namespace cli::bench
