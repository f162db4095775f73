// A data directory with a migrated store of its own, and the real `clientflow` run against it.
#pragma once

#include "tests/kit/database.hpp"
#include "tests/kit/paths.hpp"
#include "tests/kit/process.hpp"

#include <string>
#include <vector>

namespace cli_session
{
inline kit::finished clientflow(std::vector<std::string> words, kit::milliseconds deadline = kit::milliseconds{30'000})
{
    kit::launch what;
    what.program = kit::program("clientflow");
    what.arguments = std::move(words);
    return kit::run(std::move(what), deadline);
}

// The value of a text member in a flat JSON answer.
inline std::string member(const std::string& json, const std::string& name)
{
    const auto key = '"' + name + "\":\"";
    const auto at = json.find(key);
    if (at == std::string::npos)
        return {};
    const auto begin = at + key.size();
    return json.substr(begin, json.find('"', begin) - begin);
}

class store
{
public:
    store() : store(kit::plain_cluster()) {}
    explicit store(kit::cluster& in) : database_(in) { run({"migrate"}); }

    // As the operator: the superuser of the test's cluster.
    kit::finished run(std::vector<std::string> words)
    {
        for (const auto& each :
             {std::string{"--data"}, room_.path().string(), std::string{"--dsn"}, database_.dsn("postgres")})
            words.push_back(each);
        return clientflow(std::move(words));
    }

    std::string make_tenant(const std::string& slug)
    {
        const auto made = run({"tenant", "create", "--json", "--slug", slug, "--name", "Acme", "--owner-email",
                               "ada@acme.example", "--plan", "business"});
        return made.output;
    }

    kit::database& database() { return database_; }
    const std::filesystem::path& data() const { return room_.path(); }

private:
    kit::database database_;
    kit::temporary_directory room_;
};
}  // namespace cli_session
