// A small help desk's log, for `clientflow-load`, with everything that a real one has: reopened tickets, moves to
// another customer, changed priorities, times that tie, exact duplicates.
#pragma once

#include <filesystem>

namespace kit
{
// About eight rows for each ticket, oldest first.
void write_ticket_log(const std::filesystem::path&, int tickets);
}  // namespace kit
