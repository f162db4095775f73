// A tenant in memory: commands are decided by the nouns' own `handle` against a map of states, and what they decide is
// folded back into it. Every fact goes through its JSON on the way, as it does through the store.
//
// Claims and quotas are only shown, not kept: the store judges them. One world serves one test.
#pragma once

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

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace testing
{
// The nth uuid of a test: told apart at a glance, never nil.
schema::uuid nth(std::uint8_t n);

template <class Id>
Id id(std::uint8_t n)
{
    return Id{nth(n)};
}

inline constexpr schema::moment noon{1'700'000'000'000'000};

lanes::origin by_key();                             // an ordinary key without a member
lanes::origin by_member(const member::member_id&);  // the key of a member
lanes::origin by_operator();

class world final : public lanes::view
{
public:
    // An organisation on this plan, founded by its owner.
    explicit world(org::plan = org::plan::starter);
    // Nothing at all.
    struct empty
    {};
    explicit world(empty) {}

    static org::org_id org_id() { return id<org::org_id>(1); }
    static member::member_id owner_id() { return id<member::member_id>(2); }
    static api_key::key_id key_id() { return id<api_key::key_id>(3); }
    static org::found founding();

    // Decides, and keeps what was decided.
    template <class Command>
    lanes::decided ask(const Command& command, const lanes::origin& from = by_key())
    {
        auto decided = handle(command, *this, from);
        if (decided)
            keep(*decided, from);
        return decided;
    }

    // As `ask`, for the steps that a test takes for granted.
    template <class Command>
    void given(const Command& command, const lanes::origin& from = by_key())
    {
        if (auto decided = ask(command, from); !decided)
            unexpected(decided.error());
    }

    template <class State, class Id>
    const State& state_of(const Id& what)
    {
        return look<State>(what.value);
    }

    std::int64_t version(std::string_view category, const schema::uuid& stream) const override;

protected:
    const void* find(const lanes::aggregate_type&, const schema::uuid& stream) override;

private:
    struct standing
    {
        std::shared_ptr<const void> state;
        std::int64_t version = 0;
    };
    void keep(const lanes::decision&, const lanes::origin&);
    [[noreturn]] static void unexpected(const lanes::refusal&);

    std::map<std::pair<std::string, schema::uuid>, standing> streams_;
};

// "project.changed, project.activated" of a decision, "" of one without facts, the code of a refusal.
std::string outcome(const lanes::decided&);

// "#/name required, …" of a refusal's faults.
std::string faults_of(const lanes::decided&);

// "+1 projects ≤ 5" for each quota, "+org.slug acme" for each claim, comma-separated.
std::string quotas_of(const lanes::decided&);
std::string claims_of(const lanes::decided&);

// The allowed verbs of a state conflict, comma-separated.
std::string allowed_by(const lanes::decided&);
}  // namespace testing
