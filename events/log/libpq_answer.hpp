// An answer of libpq, for the few things that libpqxx cannot say. Its users include libpq in their own .cpp.
#pragma once

#include <memory>
#include <string>

struct pg_conn;
struct pg_result;

namespace event_log
{
struct clear_answer
{
    void operator()(pg_result* spent) const noexcept;
};
using libpq_answer = std::unique_ptr<pg_result, clear_answer>;

// Throws what libpqxx throws for the same, for `understand`. `why` may be null; `what` was asked.
[[noreturn]] void throw_refusal(pg_conn*, const pg_result* why, const std::string& what);
}  // namespace event_log
