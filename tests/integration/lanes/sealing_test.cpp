// Personal values on their way through a writer: sealed in the log, clear in the answer, readable by the next process.
#include "tests/kit/lanes/site.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace
{
using kit::command;
using kit::told;

const std::string email = "canary.7731@example.com";
const std::string address = "203.0.113.77";
const std::string agent = "Canary/7731 (planted)";

lanes::submission personal(lanes::submission s, const std::optional<schema::uuid>& member = {})
{
    s.meta.ip = address;
    s.meta.user_agent = agent;
    s.from.member = member;
    return s;
}

// Whole values only: four digits stand in a random id or a sealed text every now and then.
std::string traces(const kit::site& site)
{
    return site.db().run("select count(*) from es.event where data::text || meta::text ~ "
                         "'canary[.]7731|Canary/7731|203[.]0[.]113'");
}
}  // namespace

TEST_CASE("personal values are in the answer, and nowhere in the log in clear")
{
    kit::site site;
    const auto office = site.open();
    const schema::uuid tenant = site.new_house(*office);
    const schema::uuid id = site.new_id();
    const auto made = office->ask(personal(command(tenant, thing::make(tenant, {id, "lamp", email}))));
    CHECK(told(made) == "201");
    CHECK(made.item.find(email) != std::string::npos);
    CHECK(traces(site) == "0");
    CHECK(site.db().run("select count(*) from es.event where data::text like '%$sealed%' and meta::text like "
                        "'%$sealed%'") == "1");

    // Another process has neither state nor keys: it loads both.
    const auto shown = site.open()->ask(command(tenant, thing::rename(tenant, id, "light")));
    CHECK(told(shown) == "200");
    CHECK(shown.item.find(email) != std::string::npos);
}

TEST_CASE("many commands of a round may need the key of one sender, and one of them may fail")
{
    kit::site site;
    const auto office = site.open();
    const schema::uuid tenant = site.new_house(*office);
    const schema::uuid member = site.new_id();
    CHECK(told(office->ask(command(tenant, thing::make(tenant, {site.new_id(), "taken", "", true})))) == "201");

    std::vector<std::future<lanes::answer>> asked;
    for (int i = 0; i < 50; ++i)
    {
        const bool fails = i % 10 == 0;  // the first of all among them
        thing::create what{site.new_id(), fails ? "taken" : "free", email, fails};
        asked.push_back(office->send(personal(command(tenant, thing::make(tenant, what)), member)));
    }
    for (int i = 0; i < 50; ++i)
        CHECK(told(asked[static_cast<std::size_t>(i)].get()) == (i % 10 == 0 ? "already_exists" : "201"));
    CHECK(traces(site) == "0");
    CHECK(site.db().run("select count(*) from es.subject_key where subject_id = '" + member.text() + "'") == "1");
}

TEST_CASE("two processes may meet over a sender's first key")
{
    kit::site site;
    const auto here = site.open(), there = site.open();
    const schema::uuid tenant = site.new_house(*here);
    CHECK(told(there->ask(command(tenant, thing::make(tenant, {site.new_id(), "x"})))) == "201");
    const schema::uuid member = site.new_id();
    std::vector<std::future<lanes::answer>> asked;
    for (int i = 0; i < 40; ++i)
        asked.push_back((i % 2 == 0 ? here : there)
                            ->send(personal(command(tenant, thing::make(tenant, {site.new_id(), "y"})), member)));
    for (auto& each : asked)
        CHECK(told(each.get()) == "201");
    CHECK(site.db().run("select count(*) from es.subject_key where subject_id = '" + member.text() + "'") == "1");
}
