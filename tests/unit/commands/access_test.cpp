// Refused access: noted once, by the platform alone, whatever the organisation's standing.
#include "tests/unit/commands/world.hpp"

#include <doctest/doctest.h>

using namespace testing;

namespace
{
accesses::note a_note()
{
    accesses::note n;
    n.id = id<accesses::access_id>(90);
    n.key_id = world::key_id();
    n.code = "forbidden";
    n.reason = accesses::reason::scope;
    n.route = "listAudit";
    n.count = 7;
    n.minute = noon;
    return n;
}
}  // namespace

TEST_CASE("what was refused is noted with its key, its reason and its count")
{
    world w;
    const auto decided = w.ask(accesses::command{a_note()}, by_operator());
    CHECK(outcome(decided) == "access.refused");
    CHECK(quotas_of(decided) == "");
    CHECK(claims_of(decided) == "");
    const auto& it = *w.state_of<accesses::state>(a_note().id).it;
    CHECK(it.key_id == world::key_id());
    CHECK(it.count == 7);
    CHECK(it.code == "forbidden");
    CHECK(it.minute == noon);
    CHECK(it.created_at == noon);
}

TEST_CASE("noting the same again changes nothing, also with another count")
{
    world w;
    w.given(accesses::command{a_note()}, by_operator());
    auto again = a_note();
    CHECK(outcome(w.ask(accesses::command{again}, by_operator())) == "");
    again.count = 8;
    CHECK(outcome(w.ask(accesses::command{again}, by_operator())) == "");
    CHECK(w.state_of<accesses::state>(again.id).it->count == 7);
}

TEST_CASE("refusals are noted while the organisation is suspended, and by nobody but the platform")
{
    world w;
    w.given(org::command{org::suspend{world::org_id(), std::nullopt, "unpaid"}}, by_operator());
    CHECK(outcome(w.ask(accesses::command{a_note()}, by_operator())) == "access.refused");
    auto another = a_note();
    another.id = id<accesses::access_id>(91);
    CHECK(outcome(w.ask(accesses::command{another}, by_key())) == "forbidden");
    world nowhere{world::empty{}};
    CHECK(outcome(nowhere.ask(accesses::command{another}, by_operator())) == "not_found");
}
