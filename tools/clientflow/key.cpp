// `clientflow key create|list|rate|revoke`: API keys of an organisation, and of the platform's operators.
#include "commands/api_key.hpp"
#include "commands/org.hpp"
#include "schemas/json_writer.hpp"
#include "schemas/text.hpp"
#include "tools/clientflow/database.hpp"
#include "tools/clientflow/office.hpp"
#include "tools/clientflow/rates.hpp"
#include "tools/clientflow/reason.hpp"
#include "tools/clientflow/tenant_named.hpp"

#include <CLI/CLI.hpp>

#include <charconv>
#include <iostream>

namespace cli
{
std::optional<std::int64_t> read_rate(const std::string& given)
{
    if (given.empty())
        return std::nullopt;
    if (given == "none")
        return 0;
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), value);
    if (error != std::errc{} || end != given.data() + given.size() || value < 1 || value > api_key::rate_range.max)
        throw failure(usage, "bad_rate", "--rate wants a number of requests per minute, or none");
    return value;
}

namespace
{
struct create_options
{
    std::string org;
    std::string member;
    std::string name = "Made by an operator";
    std::vector<std::string> scopes;
    std::string rate;
    int expires_in_days = 0;
    bool ops = false;
};

// Whose key: an organisation's, or the platform's.
struct place
{
    std::string org;
    bool ops = false;

    schema::uuid tenant() const
    {
        if (ops == !org.empty())
            throw failure(usage, "usage", "give either --org or --ops");
        if (ops)
            return event_log::platform_tenant;
        if (const auto id = org::org_id::parse(org))
            return id->value;
        throw failure(usage, "bad_id", "\"" + org + "\" is no org_… id");
    }
};

api_key::create read_command(const create_options& given)
{
    api_key::create command;
    command.name = given.name;
    for (const auto& word : given.scopes)
    {
        const auto scope = schema::enum_named<api_key::scope>(word);
        if (!scope)
            throw failure(usage, "bad_scope", "there is no scope \"" + word + "\"");
        command.scopes.push_back(*scope);
    }
    command.requests_per_minute = read_rate(given.rate);
    if (given.expires_in_days != 0)
        command.expires_in_days = given.expires_in_days;
    if (given.member.empty())
        return command;
    const auto id = member::member_id::parse(given.member);
    if (!id)
        throw failure(usage, "bad_id", "\"" + given.member + "\" is no member_… id");
    command.member_id = *id;
    return command;
}

exit_status create(const program& chosen, const create_options& given)
{
    auto command = read_command(given);
    const auto tenant = place{given.org, given.ops}.tenant();
    office desk{read_settings(chosen.given)};
    const auto audience = given.ops ? api_key::audience::operators : api_key::audience::organisation;
    const auto secret = api_key::mint(audience, desk.random_secret());
    command.id = {desk.new_id()};
    command.digest = secret.digest;
    command.prefix = secret.prefix;
    desk.submit(
        tenant,
        [command](lanes::view& seen, const lanes::origin& from) { return api_key::handle(command, seen, from); },
        &lanes::aggregate_of<api_key::state>());

    std::string out;
    schema::json_writer json{out};
    json.begin_object().key("org_id");
    given.ops ? json.null() : json.string(given.org);
    json.key("member_id");
    given.member.empty() ? json.null() : json.string(given.member);
    json.member("key_id", command.id.text()).member("api_key", secret.key).end_object();
    std::cout << out << '\n';
    if (!chosen.given.json)
        say(chosen, "The key is shown this once.");
    return done;
}

struct revoke_options
{
    place where;
    std::string key;
    std::string reason;
    bool dry_run = false;
};

exit_status revoke(const program& chosen, const revoke_options& given)
{
    const auto id = api_key::key_id::parse(given.key);
    if (!id)
        throw failure(usage, "bad_id", "\"" + given.key + "\" is no key_… id");
    api_key::revoke command;
    command.id = *id;
    if (!given.reason.empty())
        command.reason = read_reason(given.reason);
    const auto handle = [command](lanes::view& in, const lanes::origin& from) {
        return api_key::handle(command, in, from);
    };
    office desk{read_settings(chosen.given)};
    const auto* shown_as = &lanes::aggregate_of<api_key::state>();
    const auto tenant = given.where.tenant();
    std::cout << (given.dry_run ? desk.rehearse(tenant, handle, shown_as) : desk.submit(tenant, handle, shown_as).item)
              << '\n';
    return done;
}

// The tenant that holds the key, when nobody says which.
schema::uuid tenant_of(const api_key::key_id& id, database& store)
{
    const auto found = store.ask_one("select t.tenant_id from es.tenant t where exists (select from es.event e"
                                     " where e.tenant_id = t.tenant_id and e.category = 'api_key'"
                                     "   and e.stream_id = $1::uuid and e.version = 1)",
                                     {id.value.text()});
    if (!found)
        throw failure(not_found, "not_found", "there is no key " + id.text());
    return *schema::uuid::parse(*found->front());
}

exit_status set_rate(const program& chosen, const std::string& which, const std::string& rate)
{
    const auto id = api_key::key_id::parse(which);
    if (!id)
        throw failure(usage, "bad_id", "\"" + which + "\" is no key_… id");
    api_key::set_rate command;
    command.id = *id;
    command.requests_per_minute = read_rate(rate);
    const auto of = read_settings(chosen.given);
    database store{of.operator_dsn()};
    const auto tenant = tenant_of(*id, store);
    office desk{of};
    const auto seen = desk.submit(
        tenant, [command](lanes::view& in, const lanes::origin& from) { return api_key::handle(command, in, from); },
        &lanes::aggregate_of<api_key::state>());
    std::cout << seen.item << '\n';
    return done;
}

exit_status list(const program& chosen, const place& where)
{
    const auto of = read_settings(chosen.given);
    const auto tenant = where.ops || where.org.empty() ? where.tenant() : tenant_named(of, where.org);
    database store{of.operator_dsn()};
    const auto keys =
        store.ask("select b.stream_id, b.data ->> 'name', b.data ->> 'prefix', b.data -> 'scopes',"
                  "       exists (select from es.event r where r.tenant_id = b.tenant_id and r.category = 'api_key'"
                  "                  and r.stream_id = b.stream_id and r.type = 'api_key.revoked')"
                  "  from es.event b"
                  " where b.tenant_id = $1 and b.category = 'api_key' and b.version = 1 order by b.lane, b.seq",
                  {tenant.text()});
    std::string out;
    schema::json_writer json{out};
    json.begin_object().key("keys").begin_array();
    for (const auto& each : keys)
    {
        const auto id = api_key::key_id{*schema::uuid::parse(*each[0])}.text();
        const bool revoked = each[4] == "t";
        json.begin_object()
            .member("key_id", id)
            .member("name", each[1].value_or(""))
            .member("prefix", each[2].value_or(""));
        json.key("scopes").raw(each[3].value_or("[]")).key("revoked").boolean(revoked).end_object();
        if (!chosen.given.json)
            std::cout << id << "  " << each[2].value_or("") << "…  " << each[3].value_or("[]")
                      << (revoked ? "  revoked  " : "  ") << each[1].value_or("") << '\n';
    }
    json.end_array().end_object();
    if (chosen.given.json)
        std::cout << out << '\n';
    return done;
}

void add_place(CLI::App& verb, place& where)
{
    verb.add_option("--org", where.org, "The organisation: org_…");
    verb.add_flag("--ops", where.ops, "The platform's operators");
}
}  // namespace

void add_key(CLI::App& root, program& chosen)
{
    auto& noun = add_noun(root, "key", "Example: clientflow key list --org org_…\n\nAPI keys.");

    auto given = std::make_shared<create_options>();
    auto& creating = add_verb(noun, "create",
                              "Example: clientflow key create --org org_… --scopes read,write --rate none\n\n"
                              "Makes a key and shows it this once. --ops makes an operator's key.");
    creating.add_option("--org", given->org, "The organisation: org_…");
    creating.add_flag("--ops", given->ops, "A key of the platform's operators");
    creating.add_option("--member", given->member, "The member that the key acts for: member_…");
    creating.add_option("--name", given->name, "To tell keys apart");
    creating
        .add_option("--scopes", given->scopes,
                    "read, write, admin, import; ops:read, ops:write, ops:replay, audit:read")
        ->delimiter(',')
        ->required();
    creating.add_option("--rate", given->rate, "Requests per minute, or none (default: the usual limit)");
    creating.add_option("--expires-in-days", given->expires_in_days, "30, 90 or 365 (default: never)");
    creating.callback([&chosen, given] { chosen.run = [&chosen, given] { return create(chosen, *given); }; });

    auto listed = std::make_shared<place>();
    auto& listing = add_verb(noun, "list", "Example: clientflow key list --org org_… --json\n\nKeys without secrets.");
    listing.add_option("--org", listed->org, "The organisation: org_…, or its slug");
    listing.add_flag("--ops", listed->ops, "The platform's operators");
    listing.callback([&chosen, listed] { chosen.run = [&chosen, listed] { return list(chosen, *listed); }; });

    auto rated = std::make_shared<std::string>();
    auto rate = std::make_shared<std::string>();
    auto& rating = add_verb(noun, "rate",
                            "Example: clientflow key rate key_… --rate 6000\n\n"
                            "Changes how many requests per minute a key may make; none lifts the limit.");
    rating.add_option("key", *rated, "key_…")->required();
    rating.add_option("--rate", *rate, "Requests per minute, or none")->required();
    rating.callback(
        [&chosen, rated, rate] { chosen.run = [&chosen, rated, rate] { return set_rate(chosen, *rated, *rate); }; });

    auto ended = std::make_shared<revoke_options>();
    auto& revoking = add_verb(noun, "revoke",
                              "Example: clientflow key revoke key_… --org org_… --reason \"Left in a repository\"\n\n"
                              "Ends a key for ever.");
    revoking.add_option("key", ended->key, "key_…")->required();
    add_place(revoking, ended->where);
    revoking.add_option("--reason", ended->reason, "Recorded with the revocation, up to 500 characters");
    revoking.add_flag("--dry-run", ended->dry_run, "Only show what would be recorded");
    revoking.callback([&chosen, ended] { chosen.run = [&chosen, ended] { return revoke(chosen, *ended); }; });
}
}  // namespace cli
