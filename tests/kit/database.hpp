// A fresh, migrated database for one test: a copy of a template that is migrated once per test program and cluster.
//
// It is dropped with the object. Roles are real: the product's code logs in as clientflow_app, and only `run` is the
// superuser. One thread uses an object at a time; dsn() may be called from any.
#pragma once

#include "tests/kit/cluster.hpp"

#include <cstdint>
#include <string>

namespace kit
{
class database
{
public:
    database();  // in plain_cluster()
    explicit database(cluster&);
    ~database();
    database(const database&) = delete;
    database& operator=(const database&) = delete;

    std::string dsn(const std::string& role = "clientflow_app") const { return in_.dsn(role, name_); }
    std::string dsn_through(std::uint16_t port, const std::string& role = "clientflow_app") const
    {
        return in_.dsn_through(port, role, name_);
    }
    const std::string& name() const { return name_; }
    cluster& server() const { return in_; }

    // As the superuser; the first column of the first row.
    std::string run(const std::string& sql) const { return in_.run(sql, name_); }

private:
    cluster& in_;
    std::string name_;
};
}  // namespace kit
