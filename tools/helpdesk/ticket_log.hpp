// The help desk's log as its CSV file holds it: one row per thing that was done to a ticket, oldest first.
//
// Columns: case, at, activity, agent, customer, product, priority, service_level, workgroup. Rows keep their number
// (1 = the first after the header), because exact duplicates are distinct facts and the number makes each write's key.
#pragma once

#include "schemas/time.hpp"

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace helpdesk
{
struct row
{
    std::size_t number = 0;
    std::string ticket;
    std::string at;  // as written, RFC 3339
    schema::moment moment;
    std::string activity;
    std::string agent;
    std::string customer;
    std::string product;
    std::string priority;
    std::string service_level;
    std::string workgroup;
};

// The file cannot be read, or a row is not what the header promises. Names the line.
struct bad_log : std::runtime_error
{
    using runtime_error::runtime_error;
};

// Quoted fields of RFC 4180 are understood. Throws `bad_log`, also when the rows are not in the order of their times.
std::vector<row> read_log(const std::filesystem::path&);
}  // namespace helpdesk
