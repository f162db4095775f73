// States as bytes, for snapshots: every noun's comes back as it was, and no noun takes another's for its own.
#include "commands/access.hpp"
#include "commands/api_key.hpp"
#include "commands/client.hpp"
#include "commands/comment.hpp"
#include "commands/lanes/aggregate.hpp"
#include "commands/member.hpp"
#include "commands/org.hpp"
#include "commands/project.hpp"
#include "commands/task.hpp"
#include "commands/time_entry.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace
{
template <class State>
std::string frozen_bytes(const State& now)
{
    std::string bytes;
    lanes::aggregate_of<State>().freeze(&now, bytes);
    return bytes;
}

template <class State>
void check_comes_back(State now)
{
    CAPTURE(State::category);
    const auto bytes = frozen_bytes(now);
    const auto& type = lanes::aggregate_of<State>();
    const auto back = type.thaw(bytes);
    REQUIRE(back);
    const auto& thawed = *static_cast<const State*>(back.get());
    CHECK(thawed.it == now.it);
    if constexpr (requires { now.born_from; })
        CHECK(thawed.born_from == now.born_from);
    CHECK(render(thawed) == render(now));
    CHECK(frozen_bytes(thawed) == bytes);
    for (std::size_t length = 0; length < bytes.size(); ++length)
        CHECK_FALSE(type.thaw(std::string_view{bytes}.substr(0, length)));
    CHECK_FALSE(type.thaw(bytes + '\0'));
}

template <class State>
State born(const std::function<void(State&)>& fill = {})
{
    State now;
    now.it.emplace();
    now.it->id.value.bytes.fill(7);
    now.it->version = 41;
    now.it->created_at = {1'700'000'000'000'000};
    now.it->updated_at = {1'700'000'000'000'001};
    now.it->archived_at = schema::moment{1'700'000'000'000'002};
    if constexpr (requires { now.born_from; })
        now.born_from.fill(9);
    if (fill)
        fill(now);
    return now;
}
}  // namespace

TEST_CASE("a state of every noun comes back out of its bytes, born or not")
{
    check_comes_back(task::state{});
    check_comes_back(born<task::state>([](task::state& now) {
        now.it->title = "T";
        now.it->description = std::string(20'000, 'x');
        now.it->status = task::status::done;
        now.it->labels = {"a", ""};
        now.it->assignee_ids.resize(2);
        now.it->completed_at = schema::moment{5};
    }));
    check_comes_back(born<project::state>([](project::state& now) {
        now.it->name = "P";
        now.it->budget = schema::money{-5, "EUR"};
        now.it->due_on = schema::day{20'000};
    }));
    check_comes_back(born<client::state>([](client::state& now) { now.it->email = "ann@example.org"; }));
    check_comes_back(born<comment::state>([](comment::state& now) { now.it->body = "B"; }));
    check_comes_back(born<member::state>());
    check_comes_back(born<org::state>());
    check_comes_back(born<api_key::state>());
    check_comes_back(born<accesses::state>());
    check_comes_back(born<time_entry::state>([](time_entry::state& now) {
        now.it->minutes = 30;
        now.born_member.emplace();
    }));
}

TEST_CASE("forms of different nouns differ")
{
    const std::vector<std::uint64_t> forms{
        lanes::aggregate_of<task::state>().form(),       lanes::aggregate_of<project::state>().form(),
        lanes::aggregate_of<client::state>().form(),     lanes::aggregate_of<comment::state>().form(),
        lanes::aggregate_of<member::state>().form(),     lanes::aggregate_of<org::state>().form(),
        lanes::aggregate_of<api_key::state>().form(),    lanes::aggregate_of<accesses::state>().form(),
        lanes::aggregate_of<time_entry::state>().form(),
    };
    CHECK(std::set<std::uint64_t>(forms.begin(), forms.end()).size() == forms.size());
}
