// What the columns of the read models mean, written into the database as comments, where analysts look.
//
// The sentences are made of the items' field rows: note, kind, unit and bounds. Whoever migrates writes them, each
// time: a changed note needs no migration.
#pragma once

#include "events/log/connection.hpp"
#include "projections/runner/columns.hpp"
#include "projections/runner/definition.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace projection
{
// One or two sentences on a column of this noun's rows.
std::string note_of(const column&, std::string_view noun);

// Comments on every column of the read models' tables, all versions', and of the views that show them; answers how many
// were changed.
// The login must be allowed to become clientflow_owner. One transaction; throws what pqxx throws.
std::size_t write_view_notes(event_log::connection&, std::span<const definition* const>);
}  // namespace projection
