// `--reason TEXT` of what is recorded with a reason.
#pragma once

#include <string>

namespace cli
{
// Trimmed, NFC, one line. Throws `failure` (usage) when it is empty, too long or no text.
std::string read_reason(const std::string& given);
// A dry run, of which nothing is recorded, does without.
std::string read_reason(const std::string& given, bool dry_run);
}  // namespace cli
