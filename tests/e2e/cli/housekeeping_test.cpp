// A running server removes what is past its time by itself, and outlives a database that is away.
#include "tests/kit/eventually.hpp"
#include "tests/kit/scenario/node.hpp"
#include "tests/kit/scenario/site.hpp"

#include <doctest/doctest.h>

namespace
{
void plant_old_receipt(const scenario::site& at)
{
    at.ask("insert into es.receipt select tenant_id, 'old', 1, 200, 1, now() - interval '26 hours', tenant_id, null,"
           " 'task', 'api_key_test', 'x' from es.tenant limit 1"
           " on conflict do nothing");  // a crash may bring back what was swept last
}

bool receipts_are_gone(const scenario::site& at)
{
    return kit::eventually([&] { return at.count("select count(*) from es.receipt") == 0; });
}
}  // namespace

TEST_CASE("a running server sweeps old receipts away, also after the database was gone for a while")
{
    scenario::site at;
    scenario::node server{
        {.data = at.data_directory("server"),
         .dsn = at.dsn(),
         .settings = {"housekeeping.first_after_ms=1", "housekeeping.every_ms=50", "housekeeping.again_after_ms=50"}}};
    server.start();
    plant_old_receipt(at);
    CHECK(receipts_are_gone(at));

    at.cluster.stop_immediate();
    CHECK(kit::eventually([&] { return server.log().find("housekeeping.failed") != std::string::npos; }));
    at.cluster.start();
    plant_old_receipt(at);
    CHECK(receipts_are_gone(at));
    CHECK(server.stop() == kit::ending{0, 0});
}
