// An event that cannot be shown holds up nobody: while it is met, the other tenants of its lane read what they wrote,
// and the lane's lag goes back to nothing with the key stopped.
#include "tests/integration/http/stage.hpp"
#include "tests/kit/eventually.hpp"

#include <doctest/doctest.h>

#include <future>
#include <optional>
#include <string>
#include <vector>

namespace
{
using http_tests::ask;
using http_tests::value_of;

// The bound: a read that is not as new as its key's writes by then is a 503.
const kit::header_list as_new{{"Prefer", "wait=9, handling=strict"}};
constexpr const char* refused_name = "refused on purpose";
constexpr int neighbours = 40;  // of the poison, on either side

http_tests::stage_options standing_still()
{
    http_tests::stage_options options;
    options.projections = false;
    return options;
}

// Two organisations in one lane and one in another, and nothing is shown yet.
struct given_neighbours
{
    given_neighbours()
    {
        for (int i = 0; i < 40 && (!in_lane || !elsewhere); ++i)
        {
            auto next = in.new_tenant("neighbour-" + std::to_string(i));
            (lane_of(next) == lane_of(poisoned) ? in_lane : elsewhere) = std::move(next);
        }
        REQUIRE(in_lane.has_value());
        REQUIRE(elsewhere.has_value());
        in.db.run("alter table read.client add constraint test_refuses check (name <> '" + std::string{refused_name} +
                  "')");
    }

    std::int32_t lane_of(const http_tests::tenant& of) const
    {
        return std::stoi(in.db.run("select lane from es.tenant where tenant_id = '" + of.id.text() + "'"));
    }
    std::string write(const http_tests::tenant& by, const std::string& name = "Ann") const
    {
        const auto made = ask(in, by.key, "POST", "/api/v1/clients", R"({"name": ")" + name + "\"}");
        REQUIRE_MESSAGE(made.status == 201, made.body);
        return "/api/v1/clients/" + value_of(made.body, "id");
    }
    // Its answer in time, or what was said instead.
    std::future<kit::reply> read(const http_tests::tenant& by, std::string path) const
    {
        return std::async(std::launch::async,
                          [this, &by, path = std::move(path)] { return ask(in, by.key, "GET", path, "", as_new); });
    }
    static void check_fresh(std::future<kit::reply> said)
    {
        const auto shown = said.get();
        CHECK_MESSAGE(shown.status == 200, shown.body);
        CHECK_FALSE(shown.header("Clientflow-Stale").has_value());
        CHECK(shown.body.find("Ann") != std::string::npos);
    }
    // Each writes, and reads what it wrote: its own thing and the list.
    void check_others_go_on(const std::function<void()>& meanwhile = [] {})
    {
        std::vector<std::future<kit::reply>> reads;
        for (const auto* other : {&*in_lane, &*elsewhere})
        {
            reads.push_back(read(*other, write(*other)));
            reads.push_back(read(*other, "/api/v1/clients"));
        }
        meanwhile();
        for (auto& each : reads)
            check_fresh(std::move(each));
    }
    void check_no_lag_and_one_stopped()
    {
        const auto its_lane = lane_of(poisoned);
        std::string last;
        const bool is_so = kit::eventually([&] {
            std::size_t stopped = 0;
            bool is_behind = false;
            last.clear();
            for (const auto& lag : in.runner->take().lags)
            {
                stopped += lag.lane == its_lane ? lag.parked : 1'000 * lag.parked;
                is_behind = is_behind || lag.events() > 0 || lag.seconds > 0;
                if (lag.parked > 0 || lag.events() > 0 || lag.seconds > 0)
                    last += std::string{lag.projection} + " in lane " + std::to_string(lag.lane) + ": " +
                            std::to_string(lag.seconds) + " s, parked " + std::to_string(lag.parked) + "; ";
            }
            return stopped == 1 && !is_behind;
        });
        CHECK_MESSAGE(is_so, last);
    }

    http_tests::stage in{standing_still()};
    http_tests::tenant poisoned = in.new_tenant("poisoned");
    std::optional<http_tests::tenant> in_lane, elsewhere;
};
}  // namespace

TEST_CASE_FIXTURE(given_neighbours,
                  "poison of one tenant moves no other's reads, and its lane's lag goes back to nothing")
{
    std::function<void()> one_more;
    std::string list, kind;
    for (int i = 0; i < neighbours; ++i)
        write(poisoned);
    SUBCASE("an event that cannot be read")
    {
        list = "/api/v1/projects", kind = "cannot_decode";
        const auto stream = in.new_id();
        const auto poison = [this, stream, at = event_log::head{}]() mutable {
            at = in.append_raw(poisoned, "project", stream, at, "project.activated", 1, R"({"id": 5})");
        };
        one_more = poison;
        one_more();
    }
    SUBCASE("a row that the database refuses, which is sought among its neighbours")
    {
        list = "/api/v1/clients", kind = "refused_by_store";
        const auto path = write(poisoned, refused_name);
        one_more = [this, path, n = 0]() mutable {
            const auto changed = ask(in, poisoned.key, "PATCH", path, R"({"phone": ")" + std::to_string(++n) + "\"}");
            CHECK_MESSAGE(changed.status == 200, changed.body);
        };
    }
    for (int i = 0; i < neighbours; ++i)
        write(poisoned);
    check_others_go_on([&] { in.make_runner(); });
    CHECK(in.db.run("select string_agg(kind, ' ') from read.parked") == kind);
    check_no_lag_and_one_stopped();

    for (int round = 0; round < 10; ++round)
    {
        write(poisoned);
        one_more();
        check_others_go_on();
    }
    CHECK(in.db.run("select string_agg(kind, ' ') from read.parked") == kind);
    check_no_lag_and_one_stopped();
    const auto own = ask(in, poisoned.key, "GET", list, "", as_new);
    CHECK(own.status == 200);
    CHECK(own.header("Clientflow-Stale") == "true");
    CHECK(in.verified().different == 0);
}
