// `bench search`: three-letter beginnings of words sought among many tasks, at a steady rate.
#include "tools/clientflow/bench/benches.hpp"
#include "tools/clientflow/bench/many_tasks.hpp"
#include "tools/clientflow/bench/paced.hpp"

#include <algorithm>
#include <array>
#include <random>

namespace cli::bench
{
namespace
{
constexpr double searches_per_s = 200;
constexpr int words_known = 3'000;
constexpr std::int64_t rows_default = 1'000'000;

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
}  // namespace

report search(const settings& configured, const wishes& given, progress& line)
{
    const ground here{configured};
    const auto who = make_tenant(here.of(), "bench");
    const server running{here.of(), "api,projector"};
    const auto& to = running.api();
    const auto rows = given.rows > 0 ? given.rows : rows_default;
    vocabulary titles;
    make_tasks(
        to, who.key, rows, given.connections,
        [&](std::int64_t nth) {
            return R"(,"title":")" + titles.word() + ' ' + titles.word() + ' ' + titles.word() + ' ' +
                   std::to_string(nth) + '"';
        },
        line);
    wait_for_rows(to, who.key, line);

    vocabulary words;
    const auto one_search = [&] {
        return rendered(to, "GET", "/api/v1/search?q=" + std::string{words.stem()}, who.key);
    };
    line.tell("searching");
    paced(to, given.connections, 2, searches_per_s, one_search);
    auto took = paced(to, given.connections, given.seconds, searches_per_s, one_search).first_ms;
    auto floor = paced(to, given.connections, given.seconds / 4, searches_per_s, [&] {
                     return rendered(to, "GET", "/api/v1/me", who.key);
                 }).first_ms;
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
