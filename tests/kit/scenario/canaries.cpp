#include "tests/kit/scenario/canaries.hpp"

#include "tests/kit/scenario/invariants.hpp"
#include "tests/kit/scenario/caller.hpp"
#include "tests/kit/scenario/members.hpp"
#include "tests/kit/scenario/node.hpp"

#include <fstream>
#include <sstream>
#include <string_view>

namespace scenario
{
namespace
{
namespace fs = std::filesystem;

// One word that nothing else contains; every planted value holds it, or stands in `numbers`.
constexpr std::string_view word = "kanarienvogel";
constexpr std::string_view numbers = "+49 170 5550199";
constexpr std::string_view address = "127.0.0.77";  // nobody else comes from it
constexpr std::string_view network = "127.0.0.0/24";

std::string contents(const fs::path& file)
{
    std::ifstream in{file, std::ios::binary};
    std::ostringstream text;
    text << in.rdbuf();
    return std::move(text).str();
}

class search
{
public:
    search(findings& told, std::vector<std::string> wanted) : told_(told), wanted_(std::move(wanted)) {}

    void in(const std::string& place, const std::string& text)
    {
        ++told_.counted["places searched"];
        told_.counted["bytes searched"] += static_cast<long>(text.size());
        for (const std::string& each : wanted_)
            if (const auto found = text.find(each); found != std::string::npos)
                told_.add("found in " + place + ": …" + text.substr(found < 80 ? 0 : found - 80, 200) + "…");
    }

private:
    findings& told_;
    const std::vector<std::string> wanted_;
};

request with_agent(request asked)
{
    asked.headers.emplace_back("User-Agent", "Browser of kanarienvogel");
    return asked;
}

// Personal values in every member that takes one, and in requests that are refused.
void plant(caller& as, std::vector<std::string>& secrets)
{
    const std::string person = R"("email": "kanarienvogel@example.org", "phone": "+49 170 5550199",)"
                               R"( "notes": "Likes kanarienvogel\nand more")";
    const auto client = as.expect(
        201, with_agent({.method = "POST", .target = "/api/v1/clients", .body = R"({"name": "Firm", )" + person + "}",
                         .idempotency_key = "canary-1"})).body;
    const std::string path = "/api/v1/clients/" + text_member(client, "id");
    as.expect(200, with_agent({.method = "PATCH", .target = path, .body = R"({"notes": "Kept kanarienvogel"})"}));
    as.expect(200,
              with_agent({.method = "PATCH", .target = path, .body = R"({"email": "new.kanarienvogel@example.org"})"}));
    const auto member =
        as.expect(201,
                  with_agent({.method = "POST",
                              .target = "/api/v1/members",
                              .body = R"({"email": "kanarienvogel.member@example.org", "name": "Ada kanarienvogel"})"}))
            .body;
    as.expect(200, with_agent({.method = "PATCH", .target = "/api/v1/members/" + text_member(member, "id"),
                               .body = R"({"name": "Grace kanarienvogel"})"}));
    as.expect(409,
              with_agent({.method = "POST",
                          .target = "/api/v1/members",
                          .body = R"({"email": "kanarienvogel.member@example.org", "name": "Twin kanarienvogel"})"}));
    as.expect(422, with_agent({.method = "POST", .target = "/api/v1/clients",
                               .body = R"({"name": 1, "kanarienvogel": "x", "email": "kanarienvogel"})"}));
    as.expect(400, with_agent({.method = "POST", .target = "/api/v1/clients", .body = R"({"email": "kanarienvogel)"}));
    as.expect(422, with_agent({.method = "POST", .target = "/api/v1/clients", .body = R"({"name": "Other"})",
                               .idempotency_key = "canary-1"}));
    as.expect(200, with_agent({.method = "DELETE", .target = "/api/v1/members/" + text_member(member, "id")}));
    const auto key = as.expect(201, {.method = "POST", .target = "/api/v1/api-keys",
                                     .body = R"({"name": "Second", "scopes": ["read"]})"}).body;
    secrets.push_back(text_member(key, "secret"));
}

// Keys that are wrong in all ways, as people paste them.
void plant_wrong_keys(std::uint16_t port, const organisation& as, std::vector<std::string>& secrets)
{
    std::string damaged = as.api_key;
    damaged[10] = damaged[10] == 'A' ? 'B' : 'A';
    secrets.push_back(damaged);
    caller{port, damaged}.expect(401, {.target = "/api/v1/me"});
    caller{port, as.api_key}.call({.target = "/api/v1/projects?api_key=" + as.api_key});
    caller{port, as.api_key}.call({.target = "/api/v1/projects/" + as.api_key});
    caller{port, ""}.call({.target = "/api/v1/me", .headers = {{"Authorization", "Bearer " + as.api_key + "x"}}});
}

std::string table_text(const site& at, const std::string& table)
{
    return at.ask("select string_agg(t::text, E'\\n') from " + table + " as t");
}
}  // namespace

findings plant_canaries(site& at)
{
    findings told;
    const auto as = at.found("canaries");
    node server{{.data = at.data_directory("canaries"),
                 .dsn = at.dsn(),
                 .settings = {"log.level=debug", "log.access=all", "log.slow_ms=0"}}};
    server.start();
    std::vector<std::string> secrets{as.api_key};
    caller owner{server.port(), as.api_key};
    owner.come_from(std::string{address});
    plant(owner, secrets);
    plant_wrong_keys(server.port(), as, secrets);
    told.add(check_store(at), "");
    told.expect(table_text(at, "read.client").find(word) != std::string::npos,
                "the canaries are not in the read model either: were they planted?");

    std::vector<std::string> personal{std::string{word}, std::string{numbers}, std::string{address}};
    search addresses{told, {std::string{address}}};
    search people{told, personal};
    search keys{told, secrets};
    for (const char* table : {"es.event", "es.receipt", "es.round", "es.claim", "es.quota", "es.tenant",
                              "es.subject_key", "read.parked", "read.checkpoint"})
        people.in(table, table_text(at, table));
    for (const char* table : {"es.event", "es.receipt", "es.claim", "read.api_key"})
        keys.in(table, table_text(at, table));
    // Rows of read models show people to those who may see them, and to nobody where they came from.
    for (const char* table : {"read.client", "read.member", "read.api_key"})
        addresses.in(table, table_text(at, table));
    const std::string metrics = server.metrics();
    people.in("/metrics", metrics);
    keys.in("/metrics", metrics);
    told.expect(server.stop() == kit::ending{0, 0}, "the server did not stop well");
    told.expect(server.log().find("http.access") != std::string::npos, "the server's log names no request");
    told.expect(server.log().find(network) != std::string::npos, "the server's log names no network");
    people.in("the server's log", server.log());
    keys.in("the server's log", server.log());
    people.in("PostgreSQL's log", at.cluster.log());
    keys.in("PostgreSQL's log", at.cluster.log());
    // The cache holds rows as the read models do; whatever else lies there holds no person, and nothing holds a key.
    for (const auto& entry : fs::recursive_directory_iterator(server.config.data))
        if (entry.is_regular_file())
        {
            const std::string name = fs::relative(entry.path(), server.config.data).string();
            keys.in(name, contents(entry.path()));
            (name.starts_with("cache/") ? addresses : people).in(name, contents(entry.path()));
        }
    return told;
}
}  // namespace scenario
