// See dsn.hpp. libpq reads the strings: it alone knows its grammar.
#include "tools/clientflow/dsn.hpp"

#include "tools/clientflow/database.hpp"
#include "tools/clientflow/program.hpp"

#include <libpq-fe.h>
#include <map>
#include <memory>

namespace cli
{
namespace
{
using values = std::map<std::string, std::string>;

values parse(const std::string& dsn)
{
    char* complaint = nullptr;
    const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options{PQconninfoParse(dsn.c_str(), &complaint),
                                                                               PQconninfoFree};
    const std::unique_ptr<char, decltype(&PQfreemem)> sentence{complaint, PQfreemem};
    if (!options)
        throw failure(usage, "bad_dsn", "the DSN cannot be read");
    values found;
    for (const auto* each = options.get(); each->keyword != nullptr; ++each)
        if (each->val != nullptr)
            found[each->keyword] = each->val;
    return found;
}

std::string print(const values& given)
{
    std::string made;
    for (const auto& [name, value] : given)
    {
        made += (made.empty() ? "" : " ") + name + "='";
        for (const char c : value)
            made.append(c == '\'' || c == '\\' ? "\\" : "").append(1, c);
        made += '\'';
    }
    return made;
}
}  // namespace

std::string with_values(const std::string& dsn, const std::vector<std::pair<std::string, std::string>>& replaced)
{
    auto found = parse(dsn);
    for (const auto& [name, value] : replaced)
        found[name] = value;
    return print(found);
}

std::string without_secrets(const std::string& dsn)
{
    auto found = parse(dsn);
    for (const char* secret : {"password", "sslpassword", "passfile"})
        found.erase(secret);
    return print(found);
}

std::string as_application(const std::string& dsn)
{
    database link{dsn};
    const auto who = link.ask_one("select rolsuper, (select count(*) from pg_roles where rolname = 'clientflow_app')"
                                  " from pg_roles where rolname = session_user");
    if (!who || who->front() != "t" || (*who)[1] == "0")
        return dsn;
    return with_values(dsn, {{"options", "-c role=clientflow_app"}});
}
}  // namespace cli
