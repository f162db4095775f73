// Founding a tenant from the outside: what `tenant create` does, and what benchmarks need one for.
#pragma once

#include "tools/clientflow/office.hpp"

#include <string>

namespace cli
{
struct founding
{
    std::string slug;
    std::string name;
    std::string owner_email;
    std::string owner_name;
    std::string plan = "starter";
    std::string rate;
    std::string time_zone = "UTC";
    std::string currency = "EUR";
};

struct founded
{
    std::string org_id;
    std::string member_id;
    std::string key_id;
    std::string api_key;  // shown once
};

// Throws `failure` as office::submit does, and (usage) when what was given is not valid.
founded found_tenant(office&, const founding&);
}  // namespace cli
