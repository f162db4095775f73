// Connection strings with some of their values replaced: another database, another user, a role to take on.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace cli
{
// In libpq's key=value form, whatever form was given. Throws `failure` (usage) when it cannot be read.
std::string with_values(const std::string& dsn, const std::vector<std::pair<std::string, std::string>>& replaced);

// For display: everything but passwords.
std::string without_secrets(const std::string& dsn);

// The server always works as clientflow_app, which may only append and read under row security. Whoever connects as a
// superuser takes that role on for the session.
std::string as_application(const std::string& dsn);
}  // namespace cli
