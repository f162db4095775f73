#include "tests/kit/scenario/site.hpp"

#include "events/log/seal.hpp"
#include "schemas/uuid.hpp"
#include "tests/kit/scenario/members.hpp"

#include <stdexcept>

namespace scenario
{
namespace
{
constexpr const char* master_key = "master.key";
}

std::string organisation::tenant_id() const { return schema::type_id<"org">::parse(org_id)->value.text(); }

site::site() : db(cluster), link(cluster.port())
{
    event_log::create_master_key(room.path() / master_key);
    data_directory("office");
}

std::filesystem::path site::data_directory(const std::string& name)
{
    const auto made = room.path() / name;
    if (std::filesystem::create_directory(made))
        std::filesystem::copy_file(room.path() / master_key, made / master_key);
    std::filesystem::permissions(made / master_key, std::filesystem::perms::owner_read);
    return made;
}

organisation site::found(const std::string& slug, const std::string& plan)
{
    const std::string told =
        command_line(*this, {"tenant", "create", "--json", "--slug", slug, "--name", "Organisation " + slug,
                             "--owner-email", "owner@" + slug + ".example", "--plan", plan, "--rate", "none"});
    return {text_member(told, "org_id"), text_member(told, "member_id"), text_member(told, "key_id"),
            text_member(told, "api_key")};
}

long site::count(const std::string& sql) const
{
    const std::string told = ask(sql);
    return told.empty() ? 0 : std::stol(told);
}

std::string command_line(const site& at, std::vector<std::string> words)
{
    for (const std::string& each : {std::string{"--data"}, (at.room.path() / "office").string(), std::string{"--dsn"},
                                    at.dsn(), std::string{"--no-input"}})
        words.push_back(each);
    const auto ended = kit::run({.program = kit::program("clientflow"), .arguments = words}, kit::milliseconds{60'000});
    if (ended.end != kit::ending{0, 0})
        throw std::runtime_error("clientflow " + words[0] + " " + words[1] + " failed: " + ended.errors);
    return ended.output;
}
}  // namespace scenario
