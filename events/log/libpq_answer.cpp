#include "events/log/libpq_answer.hpp"

#include <pqxx/pqxx>

#include <libpq-fe.h>

namespace event_log
{
void clear_answer::operator()(pg_result* spent) const noexcept { PQclear(spent); }

void throw_refusal(pg_conn* on, const pg_result* why, const std::string& what)
{
    const char* const sqlstate = why == nullptr ? nullptr : PQresultErrorField(why, PG_DIAG_SQLSTATE);
    if (sqlstate == nullptr || PQstatus(on) != CONNECTION_OK)
        throw pqxx::broken_connection(PQerrorMessage(on));
    throw pqxx::sql_error(PQresultErrorMessage(why), what, sqlstate);
}
}  // namespace event_log
