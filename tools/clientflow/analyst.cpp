// `clientflow analyst create|list|remove`: logins of the database that read what the read models show.
//
// A password is read from standard input, or made here and left in a file in libpq's format that only its owner reads;
// it never stands in an argument, and the server is only ever told its SCRAM verifier.
#include "events/log/store.hpp"
#include "events/org.hpp"
#include "schemas/fault_point.hpp"
#include "schemas/json_writer.hpp"
#include "schemas/text.hpp"
#include "tools/clientflow/database.hpp"
#include "tools/clientflow/dsn.hpp"
#include "tools/clientflow/scram.hpp"
#include "tools/clientflow/settings.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <iostream>
#include <memory>
#include <system_error>
#include <unistd.h>

namespace cli
{
namespace
{
constexpr std::size_t name_max = 40;
constexpr std::size_t password_min = 12;
constexpr std::size_t password_max = 200;

struct wanted
{
    std::string name;
    std::string org;        // org_…; empty: all tenants
    std::string pass_file;  // made, with a fresh password in it
    bool password_from_stdin = false;
    bool dry_run = false;
};

// The role's name: of its own kind, so that no other login can be taken over by a name.
std::string login_of(const std::string& name)
{
    const auto is_plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
    if (name.empty() || name.size() > name_max || !std::ranges::all_of(name, is_plain))
        throw failure(usage, "bad_name", "--name wants 1 to 40 of a-z, 0-9 and _");
    return "analyst_" + name;
}

field tenant_of(const std::string& org)
{
    if (org.empty())
        return std::nullopt;
    if (const auto id = org::org_id::parse(org))
        return id->value.text();
    throw failure(usage, "bad_id", "\"" + org + "\" is no org_… id");
}

std::string read_password()
{
    std::string password;
    std::getline(std::cin, password);
    const auto is_visible = [](char c) { return c > 0x20 && c < 0x7f; };
    if (password.size() < password_min || password.size() > password_max || !std::ranges::all_of(password, is_visible))
        throw failure(usage, "bad_password", "standard input wants one line of 12 to 200 visible ASCII characters");
    return password;
}

std::string make_password()
{
    std::array<std::uint8_t, 24> bytes{};
    schema::random_bytes(bytes);
    return schema::base64url(std::string{bytes.begin(), bytes.end()});
}

// As libpq reads it, of any host and database: the login exists once in the server. Written beside the one that is
// there, never readable by others, and put in its place when its password counts.
class pass_file
{
public:
    // Throws `failure` and leaves nothing behind.
    pass_file(std::string file, const std::string& login, const std::string& password)
        : file_(std::move(file)), beside_(file_ + ".new")
    {
        if (std::filesystem::is_directory(file_))
            throw failure(failed, "pass_file", file_ + " is a directory");
        const auto text = "*:*:*:" + login + ':' + password + '\n';
        drop();
        const int opened = ::open(beside_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (opened < 0)
            throw failure(failed, "pass_file", beside_ + ": " + std::generic_category().message(errno));
        const bool is_written =
            ::write(opened, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(opened) == 0;
        const int why = errno;
        ::close(opened);
        if (!is_written)
        {
            drop();
            throw failure(failed, "pass_file", beside_ + ": " + std::generic_category().message(why));
        }
        keep_names();
    }

    void drop() { ::unlink(beside_.c_str()); }

    // The old one's password is of no use any more.
    void put_in_place()
    {
        if (::rename(beside_.c_str(), file_.c_str()) != 0)
            throw failure(failed, "pass_file",
                          "the password is changed, and its file could not be put in place (" +
                              std::generic_category().message(errno) + "): it lies in " + beside_ + ", move it to " +
                              file_);
        keep_names();
    }

    const std::string& beside() const { return beside_; }

private:
    // So that a machine that loses its power finds the file under the name it was given last. Some filesystems cannot.
    void keep_names() const
    {
        const auto folder = std::filesystem::absolute(file_).parent_path();
        const int opened = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (opened < 0)
            return;
        ::fsync(opened);
        ::close(opened);
    }

    const std::string file_;
    const std::string beside_;
};

void admit(database& store, const std::string& login, const field& tenant, const std::string& password)
{
    try
    {
        store.ask("select read.admit_analyst($1, $2::uuid, $3)", {login, tenant, scram_verifier(password)});
    }
    catch (const server_refused& why)
    {
        if (why.sqlstate == "CFA01")
            throw failure(not_found, "not_found", why.what());
        if (why.sqlstate == "CFA02" || why.sqlstate == "CFA03")
            throw failure(refused, "already_exists", why.what());
        if (why.sqlstate == "42501")
            throw failure(refused, "no_operator", "this login may not make roles: set admin_dsn, or give --dsn");
        throw;
    }
}

// A new password and its file are one thing: refused, neither changes.
void admit(database& store, const std::string& login, const field& tenant, const std::string& password, pass_file made)
{
    try
    {
        admit(store, login, tenant, password);
    }
    catch (const event_log::unreachable& wrong)
    {
        throw failure(unreachable, "unavailable",
                      std::string{"the store was lost in the middle ("} + wrong.what() + "): the password is that in " +
                          made.beside() +
                          " if it was changed, else the one before; the same command again makes another");
    }
    catch (...)
    {
        made.drop();
        throw;
    }
    FAULT_POINT("analyst.admitted");
    made.put_in_place();
}

exit_status create(const program& chosen, const wanted& given)
{
    if (given.pass_file.empty() != given.password_from_stdin)
        throw failure(usage, "usage", "give either --pass-file or --password-stdin");
    const auto login = login_of(given.name);
    const auto tenant = tenant_of(given.org);
    const auto of = read_settings(chosen.given);
    database store{of.operator_dsn()};
    const auto password = given.password_from_stdin ? read_password() : make_password();
    if (given.pass_file.empty())
        admit(store, login, tenant, password);
    else
        admit(store, login, tenant, password, pass_file{given.pass_file, login, password});

    std::vector<std::pair<std::string, std::string>> who{{"user", login}};
    if (!given.pass_file.empty())
        who.emplace_back("passfile", std::filesystem::absolute(given.pass_file).string());
    const auto dsn = with_values(without_secrets(of.operator_dsn()), who);
    std::string out;
    schema::json_writer json{out};
    json.begin_object().member("login", login).key("org_id");
    tenant ? json.string(given.org) : json.null();
    json.member("dsn", dsn).end_object();
    std::cout << (chosen.given.json ? out : dsn) << '\n';
    return done;
}

constexpr const char* admitted = "select login, of_tenant, to_char(admitted_at at time zone 'utc',"
                                 " 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') from read.analyst";

// An admission into the document; for people a line of its own.
void tell(const program& chosen, schema::json_writer& json, const line& admission)
{
    const auto tenant = schema::uuid::parse(admission[1].value_or(""));
    const auto org = tenant ? org::org_id{*tenant}.text() : std::string{};
    json.begin_object().member("login", *admission[0]).key("org_id");
    tenant ? json.string(org) : json.null();
    json.member("admitted_at", *admission[2]).end_object();
    if (!chosen.given.json)
        std::cout << *admission[0] << "  " << (tenant ? org : "all tenants") << "  " << *admission[2] << '\n';
}

exit_status list(const program& chosen)
{
    database store{read_settings(chosen.given).operator_dsn()};
    std::string out;
    schema::json_writer json{out};
    json.begin_object().key("analysts").begin_array();
    for (const auto& each : store.ask(std::string{admitted} + " order by login"))
        tell(chosen, json, each);
    json.end_array().end_object();
    if (chosen.given.json)
        std::cout << out << '\n';
    return done;
}

// What a removal would end.
void rehearse(const program& chosen, database& store, const std::string& login)
{
    const auto found = store.ask(std::string{admitted} + " where login = $1", {login});
    if (found.empty())
        throw failure(not_found, "not_found", "there is no analyst " + login.substr(login.find('_') + 1));
    std::string out;
    schema::json_writer json{out};
    json.begin_object()
        .key("dry_run")
        .boolean(true)
        .key("count")
        .integer(std::ssize(found))
        .key("sample")
        .begin_array();
    for (const auto& each : found)
        tell(chosen, json, each);
    json.end_array().end_object();
    if (chosen.given.json)
        std::cout << out << '\n';
    say(chosen, login + " would see nothing any more");
}

exit_status remove(const program& chosen, const wanted& given)
{
    const auto login = login_of(given.name);
    database store{read_settings(chosen.given).operator_dsn()};
    if (given.dry_run)
    {
        rehearse(chosen, store, login);
        return done;
    }
    const auto ended = store.ask_one("select read.dismiss_analyst($1)", {login});
    if (!ended || ended->front() != "t")
        throw failure(not_found, "not_found", "there is no analyst " + given.name);
    std::string out;
    schema::json_writer json{out};
    json.begin_object().member("login", login).key("dry_run").boolean(false).key("count").integer(1).end_object();
    if (chosen.given.json)
        std::cout << out << '\n';
    say(chosen, login + " sees nothing any more");
    return done;
}
}  // namespace

void add_analyst(CLI::App& root, program& chosen)
{
    auto& noun = add_noun(root, "analyst",
                          "Example: clientflow analyst create --name ann --pass-file ann.pgpass\n\n"
                          "Logins that read the views of schema read with psql and its like.");
    auto given = std::make_shared<wanted>();
    auto& creating = add_verb(noun, "create",
                              "Example: clientflow analyst create --name ann --org org_… --pass-file ann.pgpass\n\n"
                              "Makes the login analyst_<name>, or gives it a new password, and prints its DSN. "
                              "It reads all tenants, or the one of --org, and writes nothing.");
    creating.add_option("--name", given->name, "Of the analyst")->required();
    creating.add_option("--org", given->org, "Only this tenant (default: all)");
    creating.add_option("--pass-file", given->pass_file, "Made with a fresh password in it, mode 0600, for libpq");
    creating.add_flag("--password-stdin", given->password_from_stdin, "Read the password from standard input");
    creating.callback([&chosen, given] { chosen.run = [&chosen, given] { return create(chosen, *given); }; });

    auto& listing = add_verb(noun, "list", "Example: clientflow analyst list --json\n\nWho is admitted, to what.");
    listing.callback([&chosen] { chosen.run = [&chosen] { return list(chosen); }; });

    auto gone = std::make_shared<wanted>();
    auto& removing =
        add_verb(noun, "remove", "Example: clientflow analyst remove --name ann\n\nEnds an admission at once.");
    removing.add_option("--name", gone->name, "Of the analyst")->required();
    removing.add_flag("--dry-run", gone->dry_run, "Only show whose admission would end");
    removing.callback([&chosen, gone] { chosen.run = [&chosen, gone] { return remove(chosen, *gone); }; });
}
}  // namespace cli
