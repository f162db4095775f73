#include "tests/kit/scenario/builder.hpp"

#include "projections/catalogue.hpp"
#include "tests/kit/scenario/members.hpp"

#include <csignal>
#include <memory>

namespace scenario
{
namespace
{
constexpr kit::milliseconds one_run_max{300'000};
constexpr kit::milliseconds all_runs_max{300'000};
constexpr int exit_refused = 4;      // not now: a version is not where another is
constexpr int exit_unreachable = 5;  // the database is away
constexpr int exit_differences = 6;  // of a comparison: also while versions are apart

std::vector<std::string> complete(const site& at, std::vector<std::string> words)
{
    for (const auto& each : {std::string{"--data"}, (at.room.path() / "office").string(), std::string{"--dsn"},
                             at.dsn(), std::string{"--no-input"}, std::string{"--json"}})
        words.push_back(each);
    return words;
}

bool may_come_right(const kit::finished& told)
{
    const int code = told.end.exit_code;
    return code == exit_refused || code == exit_unreachable || code == exit_differences;
}
}  // namespace

builder::builder(const site& at) : at_(at), working_(std::async(std::launch::async, [this] { return work(); })) {}

void builder::await_begun()
{
    kit::await(
        "the build has begun", [&] { return is_done_within(kit::milliseconds{0}) || has_begun(); }, all_runs_max);
}

bool builder::is_done_within(kit::milliseconds time) { return working_.wait_for(time) == std::future_status::ready; }

findings builder::finish() { return working_.get(); }

kit::finished builder::run(std::vector<std::string> words) const
{
    return kit::run({.program = kit::program("clientflow"), .arguments = complete(at_, std::move(words))}, one_run_max);
}

// Again and again until it succeeds.
bool builder::until_done(const std::vector<std::string>& words, findings& told) const
{
    kit::finished last;
    const bool is_done = kit::eventually(
        [&] {
            last = run(words);
            if (last.end.exit_code != 0)
                ++told.counted["runs of the builder that failed"];
            return last.end.exit_code == 0 || !may_come_right(last);
        },
        all_runs_max);
    if (is_done && last.end.exit_code == 0)
        return true;
    told.add(words[1] + " of read models ended with " + std::to_string(last.end.exit_code) + ", signal " +
             std::to_string(last.end.signal) + ": " + last.output + last.errors);
    return false;
}

bool builder::has_begun() const
{
    try
    {
        return at_.count("select count(*) from read.projection where state = 'building'") > 0;
    }
    catch (const std::exception&)
    {
        return false;  // the database is away
    }
}

// Begun anew when the database went away before it could begin.
void builder::kill_one(findings& told) const
{
    std::unique_ptr<kit::process> first;
    kit::await(
        "the build has begun",
        [&] {
            if (!first || !first->running())
                first = std::make_unique<kit::process>(
                    kit::launch{.program = kit::program("clientflow"),
                                .arguments = complete(at_, {"projection", "rebuild", "--all"})});
            return has_begun();
        },
        all_runs_max);
    first->kill(SIGKILL);
    first->wait();
    ++told.counted["kills of the builder"];
}

findings builder::work() const
{
    findings told;
    kill_one(told);
    if (!until_done({"projection", "rebuild", "--all", "--resume"}, told))
        return told;
    for (const auto* each : projection::read_models())
    {
        const std::string name{each->name};
        if (until_done({"projection", "compare", name}, told) && until_done({"projection", "swap", name}, told))
            ++told.counted["swaps"];
    }
    return told;
}

findings compare_versions(const site& at)
{
    findings told;
    for (const auto* each : projection::read_models())
    {
        const std::string name{each->name};
        kit::finished last;
        const bool is_alike = kit::eventually(
            [&] {
                last = kit::run(
                    {.program = kit::program("clientflow"), .arguments = complete(at, {"projection", "compare", name})},
                    one_run_max);
                return last.end.exit_code == 0;
            },
            kit::milliseconds{60'000});
        told.expect(is_alike, "the versions of " + name + " are not alike: " + last.output + last.errors);
        told.counted["rows of versions compared"] += integer_member(last.output, "rows_of_live");
    }
    return told;
}
}  // namespace scenario
