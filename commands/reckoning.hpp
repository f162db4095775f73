// What a tenant's claims and counts must be, reckoned from its facts alone: what was taken and released with them, and
// how many things began and ended.
//
// The deciders' own `settle` says which claims follow from a fact; the table of counted facts says what each adds to a
// metric. A noun with claims adds a line to the first table, one with a plan limit its facts to the second. Pure.
#pragma once

#include "commands/lanes/standing_audit.hpp"

namespace rules
{
const lanes::standing_rules& standing_rules();
}  // namespace rules
