// Many tasks in one project of a tenant, written over HTTP: what lists and searches are measured on.
#pragma once

#include "tools/clientflow/bench/report.hpp"
#include "tools/wire/exchange.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace cli::bench
{
std::string rendered(const wire::endpoint&, const char* method, const std::string& target, const std::string& key,
                     const std::string& body = {}, const char* headers = "");

// The tasks' further members, each begun by a comma, of the nth task from 1. Returns when every one is durable; throws
// std::runtime_error with the answer when one is refused.
using members_of_task = std::function<std::string(std::int64_t nth)>;
void make_tasks(const wire::endpoint&, const std::string& key, std::int64_t rows, int connections,
                const members_of_task&, progress&);

// Until the rows show what was written. Throws std::runtime_error after ten minutes.
void wait_for_rows(const wire::endpoint&, const std::string& key, progress&);
}  // namespace cli::bench
