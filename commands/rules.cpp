// The wording of the refusals that every noun shares.
#include "commands/rules.hpp"

namespace rules
{
using lanes::refusal;
using lanes::refusal_kind;

namespace
{
refusal refuse(refusal_kind kind, std::string code, std::string detail)
{
    refusal made;
    made.kind = kind;
    made.code = std::move(code);
    made.detail = std::move(detail);
    return made;
}
}  // namespace

refusal not_found() { return refuse(refusal_kind::not_found, "not_found", "There is no such thing here."); }

refusal invalid(schema::faults faults)
{
    auto made = refuse(refusal_kind::invalid, "invalid", "Some members of the request cannot be accepted.");
    made.faults = std::move(faults);
    return made;
}

refusal forbidden(std::string detail) { return refuse(refusal_kind::forbidden, "forbidden", std::move(detail)); }

refusal archived(std::string_view noun)
{
    return refuse(refusal_kind::conflict, std::string(noun) + ".archived",
                  "The " + std::string(noun) + " is archived; restore it first.");
}

refusal already_exists(std::string pointer, std::string detail)
{
    auto made = refuse(refusal_kind::conflict, "already_exists", detail);
    made.faults.push_back({schema::fault::place::pointer, std::move(pointer), "already_exists", std::move(detail)});
    return made;
}

refusal made_from_other_members() { return already_exists("#/id", "This id was created with other members."); }

refusal state_conflict(std::string_view state, std::vector<std::string> allowed_verbs)
{
    auto made = refuse(refusal_kind::conflict, "state_conflict",
                       "This cannot be done while the state is " + std::string(state) + '.');
    made.state = state;
    made.allowed_verbs = std::move(allowed_verbs);
    return made;
}

bool by_platform(const lanes::origin& from)
{
    return from.by.type == event_log::actor_type::operator_ || from.by.type == event_log::actor_type::system;
}

void surroundings::miss(std::string pointer)
{
    fault(std::move(pointer), "not_found", "There is nothing with this id.");
}

void surroundings::fault(std::string pointer, std::string_view code, std::string message)
{
    faults_.push_back({schema::fault::place::pointer, std::move(pointer), code, std::move(message)});
}

std::optional<refusal> surroundings::refused() const
{
    if (!faults_.empty())
        return invalid(faults_);
    if (!archived_.empty())
        return archived(archived_);
    return std::nullopt;
}
}  // namespace rules
