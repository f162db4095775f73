// The verbs of `clientflow projection` that concern versions, hung under the noun.
#pragma once

namespace CLI
{
class App;
}

namespace cli
{
struct program;

void add_projection_versions(CLI::App& noun, program&);  // rebuild, compare
void add_projection_showing(CLI::App& noun, program&);   // swap, rollback, upgrade, retire
}  // namespace cli
