// See report.hpp.
#include "tools/clientflow/bench/report.hpp"

#include "schemas/json_writer.hpp"

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <unistd.h>

namespace cli::bench
{
namespace
{
void write(schema::json_writer& json, const figures& all)
{
    json.begin_object();
    for (const auto& [name, value] : all)
        json.key(name).number(value);
    json.end_object();
}

void print_text(const report& of)
{
    std::printf("%s%s%s\n", of.name.c_str(), of.under.variant.empty() ? "" : ": ", of.under.variant.c_str());
    for (const auto& [name, value] : of.found)
        std::printf("  %-28s %14.2f\n", name.c_str(), value);
    for (const auto& [name, value] : of.floor)
        std::printf("  floor: %-21s %14.2f\n", name.c_str(), value);
    if (of.ratio > 0)
        std::printf("  %-28s %14.3f\n", "ratio", of.ratio);
    std::printf("  %d cores, PostgreSQL %s, synchronous_commit %s, %lld rows, %.0f s, %d connections\n", of.under.cores,
                of.under.postgres.c_str(), of.under.synchronous_commit.c_str(), static_cast<long long>(of.under.rows),
                of.under.seconds, of.under.connections);
}
}  // namespace

void print(const program& chosen, const report& of)
{
    if (!chosen.given.json)
    {
        print_text(of);
        return;
    }
    std::string out;
    schema::json_writer json{out};
    json.begin_object().member("bench", of.name).key("figures");
    write(json, of.found);
    json.key("floor");
    write(json, of.floor);
    json.key("ratio").number(of.ratio).key("conditions").begin_object();
    json.key("cores").integer(of.under.cores).member("postgres", of.under.postgres);
    json.member("synchronous_commit", of.under.synchronous_commit).key("rows").integer(of.under.rows);
    json.key("seconds").number(of.under.seconds).key("connections").integer(of.under.connections);
    json.member("variant", of.under.variant).end_object().end_object();
    std::cout << out << std::endl;
}

progress::progress(const program& of) : shown_(!of.given.quiet && ::isatty(2) != 0) {}

progress::~progress()
{
    if (written_)
        std::cerr << "\r\033[K" << std::flush;
}

void progress::tell(const std::string& what)
{
    if (!shown_)
        return;
    written_ = true;
    std::cerr << "\r\033[K" << what << std::flush;
}

double quantile(std::vector<float>& values, double share)
{
    if (values.empty())
        return 0;
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), at, values.end());
    return static_cast<double>(*at);
}
}  // namespace cli::bench
