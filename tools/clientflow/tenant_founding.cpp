// See tenant_founding.hpp.
#include "tools/clientflow/tenant_founding.hpp"

#include "commands/api_key.hpp"
#include "commands/org.hpp"
#include "schemas/json_writer.hpp"
#include "tools/clientflow/command_reading.hpp"
#include "tools/clientflow/rates.hpp"

namespace cli
{
namespace
{
org::found read_founding(const founding& given)
{
    std::string text;
    schema::json_writer json{text};
    json.begin_object().member("slug", given.slug).member("name", given.name).member("plan", given.plan);
    json.member("time_zone", given.time_zone).member("currency", given.currency);
    json.member("owner_email", given.owner_email);
    json.member("owner_name", given.owner_name.empty() ? given.name : given.owner_name).end_object();
    return read_command<org::found>(text, "the tenant cannot be made");
}
}  // namespace

founded found_tenant(office& desk, const founding& given)
{
    auto command = read_founding(given);
    command.key_requests_per_minute = read_rate(given.rate);
    command.id = {desk.new_id()};
    command.owner_id = {desk.new_id()};
    command.first_key_id = {desk.new_id()};
    command.key_scopes = {api_key::scope::read, api_key::scope::write, api_key::scope::admin, api_key::scope::import};
    const auto secret = api_key::mint(api_key::audience::organisation, desk.random_secret());
    command.key_digest = secret.digest;
    command.key_prefix = secret.prefix;
    desk.submit(
        command.id.value,
        [command](lanes::view& seen, const lanes::origin& from) { return org::handle(command, seen, from); },
        &lanes::aggregate_of<org::state>(), true);
    return {command.id.text(), command.owner_id.text(), command.first_key_id.text(), secret.key};
}
}  // namespace cli
