// From the read model by tenant into the log into the live rings: whoever comes back after long gets every event once
// and in order, whatever becomes of the read model meanwhile.
#include "events/feed/store_feed.hpp"
#include "http/server/service.hpp"
#include "projections/audit_log.hpp"
#include "projections/catalogue.hpp"
#include "projections/runner/rebuild.hpp"
#include "projections/runner/versions.hpp"
#include "tests/integration/http/event_stream.hpp"
#include "tests/kit/projections/swap.hpp"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace
{
using http_tests::ask;
using http_tests::public_event_ids;
using http_tests::stage;
using http_tests::stage_options;
using http_tests::stream_client;
using http_tests::tenant;
using http_tests::value_of;

const std::array<const projection::definition*, 1> audit{&audit_log::read_model()};

// Rings of an event or two, and pages of a few.
stage_options with_little_in_memory()
{
    stage_options made;
    made.adjust = [](http::service_config& config) {
        config.live.ring.tenant_ring_bytes_max = 2'000;
        config.live.stream_page_bytes_max = 3'000;
        config.live.streams_per_key_max = 1'000;
    };
    return made;
}

struct given_two_organisations
{
    given_two_organisations()
    {
        for (int i = 0; i < 60; ++i)
            write();
    }

    void write()
    {
        for (const auto& who : {of, other})
            REQUIRE(ask(in, who.key, "POST", "/api/v1/clients", R"({"name": "Ann"})").status == 201);
    }
    void catch_up()
    {
        const auto all = in.db.run("select count(*) from es.event");
        kit::await("the rows show everything", [&] { return in.db.run("select count(*) from " + rows()) >= all; });
    }
    std::string rows()
    {
        return in.db.run("select rows_in from read.projection where projection = 'audit_log' and state = 'live'");
    }
    double pages(const std::string& by)
    {
        kit::wire wire{in.service->admin_port()};
        const auto text = wire.exchange("GET", "/metrics").body;
        const auto name = "\nclientflow_event_pages_total{by=\"" + by + "\"} ";
        const auto at = text.find(name);
        REQUIRE(at != std::string::npos);
        return std::stod(text.substr(at + name.size()));
    }

    projection::row_store_config row_config()
    {
        projection::row_store_config made;
        made.connection.dsn = in.db.dsn();
        made.watchdog = in.guard;
        return made;
    }
    int rebuild()
    {
        projection::rebuild_config config;
        config.rows = row_config();
        config.keys.dsn = in.db.dsn();
        config.keys.guard = in.guard;
        config.feed = [this]() -> std::unique_ptr<event_feed::feed> {
            event_feed::store_feed_config made;
            made.dsn = in.db.dsn();
            made.guard = in.guard;
            return std::make_unique<event_feed::store_feed>(std::move(made));
        };
        for (std::int32_t lane = 0; lane < 16; ++lane)
            config.lanes.push_back(lane);
        config.room = in.room.path() / "rebuild";
        return projection::rebuild(config, audit, *in.keys, in.clock, false).versions.at(0).number;
    }

    // Everything from the first event up to what is there now, from a stream that is broken off again and again.
    std::vector<std::string> told(std::size_t count, std::size_t at_a_time)
    {
        std::vector<std::string> seen;
        std::string last;
        while (seen.size() < count)
        {
            stream_client listens{in, of.key, "?after=", last};
            REQUIRE(listens.head().status == 200);
            for (std::size_t i = 0; i < at_a_time && seen.size() < count; ++i)
                seen.push_back(value_of(listens.next_event().data, "id"));
            last = listens.last_id();
        }
        return seen;
    }

    stage in{with_little_in_memory()};
    tenant of = in.new_tenant("crossing"), other = in.new_tenant("beside");
};
}  // namespace

TEST_CASE_FIXTURE(given_two_organisations,
                  "old events come by the tenant's rows, those behind them from the log, the last live")
{
    catch_up();
    const auto all = public_event_ids(in, of);
    CHECK(told(all.size(), all.size()) == all);
    CHECK(pages("tenant") > 2);
    CHECK(pages("lane") == 0);

    in.runner.reset();
    stream_client listens{in, of.key};
    listens.next();
    for (int i = 0; i < 40; ++i)
        write();
    const auto more = public_event_ids(in, of);
    for (std::size_t i = all.size(); i < more.size(); ++i)
        REQUIRE(value_of(listens.next_event().data, "id") == more[i]);
    const auto before = pages("lane");
    for (const std::size_t at_a_time : {std::size_t{7}, more.size()})
        CHECK(told(more.size(), at_a_time) == more);
    CHECK(pages("lane") > before);

    in.make_runner();
    catch_up();
    const auto by_lane = pages("lane");
    CHECK(told(more.size(), 13) == more);
    CHECK(pages("lane") == by_lane);
}

TEST_CASE_FIXTURE(given_two_organisations,
                  "a long way back through rebuilds, swaps and the end of the version that was read")
{
    catch_up();
    std::atomic<bool> is_over{false};
    std::vector<std::vector<std::string>> seen;
    std::vector<std::size_t> wanted;
    std::thread writes{[&] {
        while (!is_over)
            write();
    }};
    std::thread comes_back{[&] {
        while (!is_over)
        {
            const auto now = public_event_ids(in, of).size();
            seen.push_back(told(now, 11));
        }
    }};
    projection::version_store versions{row_config()};
    versions.open();
    int live = 1;
    for (int i = 0; i < 3; ++i)
    {
        const int fresh = rebuild();
        kit::await("the new version shows what the live one shows", [&] {
            try
            {
                return projection_tests::swap(versions, "audit_log", fresh) == live;
            }
            catch (const projection::not_now&)
            {
                return false;
            }
        });
        versions.retire(audit_log::read_model(), live, "a test");
        versions.remove_retired(audit_log::read_model(), live);
        live = fresh;
    }
    kit::await("some came back", [&] { return pages("tenant") > 0; });
    is_over = true;
    writes.join();
    comes_back.join();
    const auto all = public_event_ids(in, of);
    REQUIRE_FALSE(seen.empty());
    for (const auto& each : seen)
        CHECK(each == std::vector<std::string>(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(each.size())));
    CHECK(told(all.size(), all.size()) == all);
}

TEST_CASE_FIXTURE(given_two_organisations,
                  "an event whose row was never written, because its key is stopped, is told from the log")
{
    catch_up();
    in.runner.reset();
    const auto all = public_event_ids(in, of);
    const auto where = " where tenant_id = '" + of.id.text() + "'";
    const auto lost = in.db.run("select seq from read.audit_log" + where + " order by seq offset 20 limit 1");
    in.db.run("insert into read.parked (projection, version, lane, tenant_id, key, from_seq, cause)"
              " select 'audit_log', 1, lane, tenant_id, entity_id, seq, 'a test' from read.audit_log" +
              where + " and seq = " + lost);
    in.db.run("delete from read.audit_log" + where + " and seq = " + lost);
    CHECK(told(all.size(), all.size()) == all);
    CHECK(pages("tenant") == 0);
    // Nobody else is held up by it.
    const auto by_lane = pages("lane");
    CHECK(ask(in, other.key, "GET", "/api/v1/events?after=").status == 200);
    CHECK(pages("tenant") > 0);
    CHECK(pages("lane") == by_lane);
}

TEST_CASE_FIXTURE(given_two_organisations, "a read model that cannot be read at all keeps nobody from the log")
{
    catch_up();
    in.runner.reset();
    in.db.run("revoke select on read.audit_log from clientflow_app");
    const auto all = public_event_ids(in, of);
    CHECK(told(all.size(), 9) == all);
    CHECK(pages("tenant") == 0);
}
