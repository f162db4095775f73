// An operator lets analysts in and ends it; what they are given works as it is printed.
#include "schemas/text.hpp"
#include "tests/e2e/cli/session.hpp"

#include <doctest/doctest.h>
#include <openssl/evp.h>
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

    // Whether the server takes the file's password; the tests' server lets everybody in, so its verifier is asked.
    bool password_counts()
    {
        const auto kept =
            here.database().run("select rolpassword from pg_authid where rolname = 'analyst_" + name + "'");
        const auto begin = kept.find(':') + 1, end = kept.find('$', begin), last = kept.find(':', end);
        const auto salt = schema::from_base64(kept.substr(begin, end - begin)).value();
        const auto word = password();
        std::string key(32, '\0');
        REQUIRE(PKCS5_PBKDF2_HMAC(word.data(), static_cast<int>(word.size()),
                                  reinterpret_cast<const unsigned char*>(salt.data()), static_cast<int>(salt.size()),
                                  std::stoi(kept.substr(kept.find('$') + 1)), EVP_sha256(),
                                  static_cast<int>(key.size()), reinterpret_cast<unsigned char*>(key.data())) == 1);
        const auto server_key = schema::hmac_sha256(key, "Server Key");
        return kept.substr(last + 1) == schema::base64(std::string{server_key.begin(), server_key.end()});
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
        const auto gone = here.run({"analyst", "remove", "--name", name, "--json"});
        CHECK(gone.end.exit_code == 0);
        CHECK(gone.output == R"({"login":"analyst_)" + name + R"(","dry_run":false,"count":1})" + "\n");
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

TEST_CASE_FIXTURE(given_a_tenant, "a password whose file cannot be written is not changed")
{
    const std::vector<std::string> create{"analyst", "create", "--json", "--name", name, "--pass-file"};
    const auto making = [&](const std::filesystem::path& file) {
        auto words = create;
        words.push_back(file.string());
        return here.run(words);
    };
    CHECK(making(room.path() / "no/such/folder").end.exit_code == 1);
    CHECK(here.database().run("select count(*) from pg_roles where rolname = 'analyst_" + name + "'") == "0");

    const auto made = making(pass_file());
    REQUIRE_MESSAGE(made.end.exit_code == 0, made.errors);
    const auto before = password();
    CHECK(making(room.path()).end.exit_code == 1);
    // What stands in the way of the new file.
    std::filesystem::create_directories(pass_file() + ".new/full");
    CHECK(making(pass_file()).end.exit_code == 1);
    std::filesystem::remove_all(pass_file() + ".new");
    // Refused by the database: the login is there for all tenants.
    CHECK(here.run({"analyst", "create", "--name", name, "--org", org, "--pass-file", pass_file()}).end.exit_code == 4);
    CHECK(password() == before);
    CHECK(password_counts());
    CHECK_FALSE(std::filesystem::exists(pass_file() + ".new"));
}

#ifdef CLIENTFLOW_FAULT_POINTS
TEST_CASE_FIXTURE(given_a_tenant, "a password that was changed lies in a file, whatever happens to the command")
{
    const auto fired = room.path() / "fired";
    const auto making = [&](const std::string& fault) {
        kit::launch child;
        child.program = kit::program("clientflow");
        child.arguments = {"analyst",     "create",
                           "--name",      name,
                           "--pass-file", pass_file(),
                           "--data",      here.data().string(),
                           "--dsn",       here.database().dsn("postgres")};
        child.environment = {{"CLIENTFLOW_FAULT", fault}, {"CLIENTFLOW_FAULT_LOG", fired.string()}};
        return child;
    };
    const auto made = here.run({"analyst", "create", "--json", "--name", name, "--pass-file", pass_file()});
    REQUIRE_MESSAGE(made.end.exit_code == 0, made.errors);
    CHECK(password_counts());

    SUBCASE("killed before it has moved it")
    {
        CHECK(kit::run(making("analyst.admitted:kill")).end.exit_code == 137);
        CHECK_FALSE(password_counts());
        std::filesystem::rename(pass_file() + ".new", pass_file());
    }
    SUBCASE("unable to move it")
    {
        kit::process child{making("analyst.admitted:delay=2000")};
        REQUIRE(kit::eventually([&] { return std::filesystem::exists(fired); }));
        std::filesystem::remove(pass_file());
        std::filesystem::create_directory(pass_file());
        const auto end = child.wait();
        REQUIRE(end.has_value());
        CHECK(end->exit_code == 1);
        CHECK_MESSAGE(child.errors().find("it lies in " + pass_file() + ".new, move it to " + pass_file()) !=
                          std::string::npos,
                      child.errors());
        std::filesystem::remove(pass_file());
        std::filesystem::rename(pass_file() + ".new", pass_file());
    }
    CHECK(password_counts());
}
#endif

TEST_CASE_FIXTURE(given_a_tenant, "migrating explains every column that analysts are shown")
{
    CHECK(here.database().run("select count(*) from pg_class c join pg_attribute a on a.attrelid = c.oid"
                              " and a.attnum > 0 and not a.attisdropped where c.relkind = 'v'"
                              " and c.relnamespace = 'read'::regnamespace"
                              " and coalesce(col_description(c.oid, a.attnum), '') = ''") == "0");
    CHECK(here.database().run("select col_description('read.tasks'::regclass, 10)").find("todo, in_progress") !=
          std::string::npos);
}
