// A password as PostgreSQL keeps it, so that the password itself never travels to the server or into its log.
#pragma once

#include <string>
#include <string_view>

namespace cli
{
// "SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>" with a fresh salt. Source: RFC 5802 and 7677, written
// down as PostgreSQL's documentation of pg_authid says. The password is visible ASCII, which SASLprep leaves alone.
std::string scram_verifier(std::string_view password);
}  // namespace cli
