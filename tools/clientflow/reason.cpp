// See reason.hpp.
#include "tools/clientflow/reason.hpp"

#include "commands/org.hpp"
#include "schemas/text.hpp"
#include "tools/clientflow/program.hpp"

#include <cstdint>

namespace cli
{
std::string read_reason(const std::string& given)
{
    const bool is_text = schema::is_utf8(given);
    auto reason = is_text ? schema::nfc(schema::trim(given)) : std::string{};
    const auto length = static_cast<std::int64_t>(schema::code_points(reason));
    if (reason.empty() || schema::has_control_character(reason, false) ||
        length > static_cast<std::int64_t>(org::reason_length.max))
        throw failure(usage, "invalid", "--reason wants one line of 1 to 500 characters");
    return reason;
}

std::string read_reason(const std::string& given, bool dry_run)
{
    return dry_run && given.empty() ? std::string{} : read_reason(given);
}
}  // namespace cli
