// An operator lets analysts in and ends it; what they are given works as it is printed.
#include "tests/e2e/cli/session.hpp"

#include <doctest/doctest.h>
#include <pqxx/pqxx>

#include <fstream>
#include <sys/stat.h>

using cli_session::member;
using cli_session::store;

namespace
{
struct given_a_tenant
{
    ~given_a_tenant() { here.run({"analyst", "remove", "--name", name}); }

    std::string pass_file() const { return (room.path() / "ann.pgpass").string(); }
    std::string password() const
    {
        std::ifstream file{pass_file()};
        std::string line;
        std::getline(file, line);
        return line.substr(line.rfind(':') + 1);
    }

    store here;
    kit::temporary_directory room;
    const std::string org = member(here.make_tenant("acme"), "org_id");
    const std::string name = "ann_" + here.database().name();  // roles belong to the whole cluster
};

std::string first(const std::string& dsn, const std::string& sql)
{
    pqxx::connection link{dsn};
    pqxx::nontransaction work{link};
    return work.exec(sql)[0][0].as<std::string>();
}
}  // namespace

TEST_CASE_FIXTURE(given_a_tenant, "the DSN of a new analyst works as printed, and its password lies in a closed file")
{
    const auto made =
        here.run({"analyst", "create", "--json", "--name", name, "--org", org, "--pass-file", pass_file()});
    REQUIRE_MESSAGE(made.end.exit_code == 0, made.errors);
    struct stat seen
    {};
    REQUIRE(::stat(pass_file().c_str(), &seen) == 0);
    CHECK((seen.st_mode & 0777) == 0600);
    CHECK(password().size() == 32);
    CHECK((made.output + made.errors).find(password()) == std::string::npos);
    CHECK(first(member(made.output, "dsn"), "select session_user || ' ' || count(*) from tasks") ==
          member(made.output, "login") + " 0");
    CHECK(here.database().run("select left(rolpassword, 14) from pg_authid where rolname = 'analyst_" + name + "'") ==
          "SCRAM-SHA-256$");
    CHECK(here.run({"analyst", "list", "--json"}).output.find(R"("org_id":")" + org) != std::string::npos);

    SUBCASE("made again it has a new password, and for something else it is refused")
    {
        const auto before = password();
        CHECK(here.run({"analyst", "create", "--name", name, "--org", org, "--pass-file", pass_file()}).end.exit_code ==
              0);
        CHECK(password() != before);
        CHECK(here.run({"analyst", "create", "--name", name, "--pass-file", pass_file()}).end.exit_code == 4);
    }
    SUBCASE("removed, it is let in no more")
    {
        const auto rehearsed = here.run({"analyst", "remove", "--name", name, "--dry-run", "--json"});
        CHECK(rehearsed.end.exit_code == 0);
        CHECK(rehearsed.output.starts_with(R"({"dry_run":true,"count":1,"sample":[{"login":"analyst_)" + name +
                                           R"(","org_id":")" + org + '"'));
        CHECK(first(member(made.output, "dsn"), "select 1") == "1");
        CHECK(here.run({"analyst", "remove", "--name", "nobody", "--dry-run"}).end.exit_code == 3);
        CHECK(here.run({"analyst", "remove", "--name", name}).end.exit_code == 0);
        CHECK_THROWS(first(member(made.output, "dsn"), "select 1"));
        CHECK(here.run({"analyst", "remove", "--name", name}).end.exit_code == 3);
    }
}

TEST_CASE_FIXTURE(given_a_tenant, "what is no admission is refused, and a password is never taken from an argument")
{
    const auto exit_of = [&](std::vector<std::string> words) {
        words.insert(words.begin(), {"analyst", "create"});
        return here.run(words).end.exit_code;
    };
    CHECK(exit_of({"--name", name}) == 2);
    CHECK(exit_of({"--name", name, "--password", "twelve-and-more"}) == 2);
    CHECK(exit_of({"--name", "Ann; drop", "--pass-file", pass_file()}) == 2);
    CHECK(exit_of({"--name", "", "--pass-file", pass_file()}) == 2);
    CHECK(exit_of({"--name", name, "--org", "acme", "--pass-file", pass_file()}) == 2);
    CHECK(exit_of({"--name", name, "--org", "org_00000000000000000000000001", "--pass-file", pass_file()}) == 3);
    CHECK(exit_of({"--name", name, "--password-stdin"}) == 2);  // nothing stands there
    CHECK(exit_of({"--name", name, "--pass-file", (room.path() / "no/such/folder").string()}) == 1);
    CHECK_FALSE(std::filesystem::exists(pass_file()));
}

TEST_CASE_FIXTURE(given_a_tenant, "migrating explains every column that analysts are shown")
{
    CHECK(here.database().run("select count(*) from pg_class c join pg_attribute a on a.attrelid = c.oid"
                              " and a.attnum > 0 and not a.attisdropped where c.relkind = 'v'"
                              " and c.relnamespace = 'read'::regnamespace"
                              " and coalesce(col_description(c.oid, a.attnum), '') = ''") == "0");
    CHECK(here.database().run("select col_description('read.tasks'::regclass, 10)").find("todo, in_progress") !=
          std::string::npos);
}
