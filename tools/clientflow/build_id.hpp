// Which build this program is, so that what one build has derived is not taken for what another would.
#pragma once

#include <string>

namespace cli
{
// The linker's build id, which differs between any two builds of different code; empty where the program has none.
// Source: the note NT_GNU_BUILD_ID of the program's ELF file, found by dl_iterate_phdr(3).
std::string build_id();
}  // namespace cli
