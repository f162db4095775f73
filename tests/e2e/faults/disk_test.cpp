// Disks that are full to the last byte: the database's tables, its log, and the projector's cache. What is written then
// is refused cleanly, nobody dies, and with room again all goes on and agrees.
#include "tests/e2e/cli/session.hpp"
#include "tests/kit/eventually.hpp"
#include "tests/kit/scenario/caller.hpp"
#include "tests/kit/scenario/members.hpp"
#include "tests/kit/scenario/node.hpp"
#include "tests/kit/scenario/site.hpp"
#include "tests/kit/small_disk.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace
{
constexpr kit::milliseconds patience{60'000};

std::ptrdiff_t count_of(const std::string& word, const std::string& text)
{
    std::ptrdiff_t found = 0;
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1))
        ++found;
    return found;
}

struct given_a_site
{
    kit::finished run(std::vector<std::string> words)
    {
        for (const auto& each : {std::string{"--data"}, at.data_directory("operator").string(), std::string{"--dsn"},
                                 at.db.dsn("postgres"), std::string{"--json"}})
            words.push_back(each);
        return cli_session::clientflow(std::move(words), kit::milliseconds{120'000});
    }

    // One more client, large enough for a disk to notice.
    scenario::request write()
    {
        static const std::string notes = [] {
            std::string made;
            for (int i = 0; i < 3'900; ++i)
                made += "\U0001f4ce";
            return made;
        }();
        const auto nth = std::to_string(++written);
        return {.method = "POST",
                .target = "/api/v1/clients",
                .body = R"({"name": "n)" + nth + R"(", "notes": ")" + notes + "\"}",
                .idempotency_key = "write-" + nth};
    }

    void accept(int count)
    {
        for (int i = 0; i < count; ++i)
        {
            owner().expect(201, write());
            ++accepted;
        }
    }

    scenario::caller& owner()
    {
        if (!caller)
            caller = std::make_unique<scenario::caller>(server.port(), acme.api_key);
        return *caller;
    }

    // Until `count` are refused; each refusal is the promised one.
    void write_until_refused(std::size_t count)
    {
        for (int tries = 0; refused.size() < count && tries < 4'000; ++tries)
        {
            auto asked = write();
            const auto said = owner().call(asked);
            REQUIRE(said.answered());
            if (said.status() == 201)
            {
                ++accepted;
                continue;
            }
            CHECK_MESSAGE(said.status() == 503, said.reply.body);
            CHECK(said.reply.header("Content-Type") == "application/problem+json");
            CHECK(std::stoi(said.reply.header("Retry-After").value_or("0")) > 0);
            CHECK(scenario::text_member(said.reply.body, "code") == "unavailable");
            refused.push_back(std::move(asked));
        }
        REQUIRE(refused.size() == count);
    }

    // Each refused request is made again as it was, and each is there once.
    void make_up_for_it()
    {
        for (const auto& each : refused)
        {
            CHECK(kit::eventually([&] { return owner().call(each).is_success(); }, patience));
            ++accepted;
        }
        refused.clear();
    }

    void check_exact()
    {
        CHECK(at.count("select count(*) from es.event where type = 'client.created'") == accepted);
        CHECK(at.count("select count(distinct stream_id) from es.event where type = 'client.created'") == accepted);
        const auto seen = run({"audit", "completeness", "--wait", "60"});
        CHECK_MESSAGE(seen.end.exit_code == 0, (seen.output + seen.errors));
        CHECK(at.count("select count(*) from read.client") == accepted);
        const auto built = run({"projection", "rebuild", "client", "audit_log"});
        CHECK_MESSAGE(built.end.exit_code == 0, built.errors);
        for (const char* name : {"client", "audit_log"})
            CHECK(kit::eventually([&] { return run({"projection", "compare", name}).end.exit_code == 0; }, patience));
    }

    scenario::site at;
    scenario::organisation acme = at.found("acme");
    scenario::node server{{.data = at.data_directory("server"), .dsn = at.dsn()}};
    std::unique_ptr<scenario::caller> caller;
    std::vector<scenario::request> refused;
    int written = 0;
    long accepted = 0;
};

bool cannot_be()
{
    const auto why = kit::small_disk::refused();
    if (why)
        MESSAGE("skipped: " << *why);
    return why.has_value();
}

void give_to_database(const scenario::site& at, const std::filesystem::path& what)
{
    const auto given =
        kit::run({.program = "/bin/chown",
                  .arguments = {"-R", "--reference=" + (at.cluster.directory() / "data").string(), what.string()}});
    REQUIRE(given.end.exit_code == 0);
}

// A directory that the database may write into.
struct database_directory
{
    explicit database_directory(const scenario::site& at) : path(at.cluster.directory() / "small")
    {
        std::filesystem::create_directory(path);
        give_to_database(at, path);
    }
    std::filesystem::path path;
};
}  // namespace

TEST_CASE_FIXTURE(given_a_site,
                  "while the database's tables find no room writes are refused, and afterwards all agrees")
{
    if (cannot_be())
        return;
    const database_directory where{at};
    kit::small_disk disk{where.path, 96 << 20};
    at.cluster.run("create tablespace small location '" + where.path.string() + "'");
    at.cluster.run("alter database " + at.db.name() + " set tablespace small");
    server.start();
    accept(20);
    disk.fill();
    write_until_refused(10);
    CHECK(server.running());
    CHECK(owner().get("/api/v1/clients?limit=1").status() == 200);
    // What is behind the log tries again with growing pauses: it neither spins nor dies.
    const auto failures = count_of("projection.failed", server.log());
    const auto refusals = refused.size();
    write_until_refused(refusals + 10);
    CHECK(count_of("projection.failed", server.log()) - failures < 20);

    CHECK(at.cluster.log().find("No space left on device") != std::string::npos);

    disk.free();
    make_up_for_it();
    accept(5);
    CHECK(server.running());
    check_exact();
    server.stop();
    at.cluster.run("alter database " + at.db.name() + " set tablespace pg_default");
    at.cluster.run("drop tablespace small");
}

TEST_CASE_FIXTURE(given_a_site,
                  "a database whose own log finds no room goes down, and what waited goes on when it is back")
{
    if (cannot_be())
        return;
    const database_directory where{at};
    at.cluster.run("alter system set max_wal_size = '64MB'");
    at.cluster.run("alter system set min_wal_size = '32MB'");
    at.cluster.stop_fast();
    kit::small_disk disk{where.path, 160 << 20};
    const auto log = at.cluster.directory() / "data" / "pg_wal";
    std::filesystem::copy(log, where.path, std::filesystem::copy_options::recursive);
    give_to_database(at, where.path);
    std::filesystem::rename(log, log.string() + ".before");
    std::filesystem::create_directory_symlink(where.path, log);
    at.cluster.start();

    server.start();
    accept(20);
    disk.fill();
    for (int tries = 0; refused.empty() && tries < 4'000; ++tries)
    {
        auto asked = write();
        const auto said = owner().call(asked);
        REQUIRE(said.answered());
        if (said.status() == 201)
            ++accepted;
        else
        {
            CHECK(said.status() == 503);
            CHECK(said.reply.header("Retry-After"));
            refused.push_back(std::move(asked));
        }
    }
    REQUIRE(refused.size() == 1);
    write_until_refused(3);
    CHECK(server.running());
    CHECK(at.cluster.log().find("No space left on device") != std::string::npos);

    disk.free();
    if (!at.cluster.running())
        at.cluster.start();
    make_up_for_it();
    accept(5);
    check_exact();
    server.stop();
    at.cluster.stop_fast();
    std::filesystem::remove(log);
    std::filesystem::copy(where.path, log, std::filesystem::copy_options::recursive);
    give_to_database(at, log);
    at.cluster.start();
}

TEST_CASE_FIXTURE(given_a_site,
                  "a projector whose cache finds no room works without one, and keeps one again by itself")
{
    if (cannot_be())
        return;
    const auto cache = server.config.data / "cache";
    std::filesystem::create_directory(cache);
    kit::small_disk disk{cache, 128 << 20};
    server.start();
    accept(20);
    const auto usable = [&](const char* is) {
        return server.metrics().find(std::string{"\nclientflow_projection_cache_usable "} + is + "\n") !=
               std::string::npos;
    };
    REQUIRE(kit::eventually([&] { return usable("1"); }));
    disk.fill();
    CHECK(kit::eventually(
        [&] {
            accept(1);
            return usable("0");
        },
        patience));
    CHECK(server.log().find("No space left on device") != std::string::npos);
    accept(20);
    const auto seen = run({"audit", "completeness", "--wait", "60"});
    CHECK_MESSAGE(seen.end.exit_code == 0, (seen.output + seen.errors));

    disk.free();
    CHECK(kit::eventually([&] { return usable("1"); }, patience));
    CHECK(server.log().find("projection.cache_back") != std::string::npos);
    accept(20);
    check_exact();
    server.stop();
}

TEST_CASE_FIXTURE(given_a_site, "a rebuild that finds no room for its scratch says so, and is gone on with")
{
    if (cannot_be())
        return;
    server.start();
    accept(60);
    const auto room = at.data_directory("operator") / "rebuild";
    std::filesystem::create_directory(room);
    {
        kit::small_disk disk{room, 80 << 20};
        disk.fill();
        const auto full = run({"projection", "rebuild", "client"});
        CHECK(full.end.exit_code == 1);
        CHECK_MESSAGE(full.errors.find("No space left on device") != std::string::npos, full.errors);
        disk.free();
    }
    const auto built = run({"projection", "rebuild", "client", "--resume"});
    CHECK_MESSAGE(built.end.exit_code == 0, built.errors);
    CHECK(kit::eventually([&] { return run({"projection", "compare", "client"}).end.exit_code == 0; }, patience));
    server.stop();
}
