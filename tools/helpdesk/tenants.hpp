// Whose keys the load plays with: given ones, the demo tenant's, or tenants it has made for the purpose.
#pragma once

#include "tools/helpdesk/player.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace helpdesk
{
struct tenant_wishes
{
    std::vector<std::string> keys;
    int tenants = 1;
    std::optional<std::filesystem::path> data;    // of tools/up: demo.json, and tenants to be made
    std::optional<std::filesystem::path> binary;  // `clientflow`, which makes tenants
    std::filesystem::path state;                  // where progress and made keys are kept
};

// What is asked for cannot be had: says what is missing.
struct bad_wish : std::runtime_error
{
    using runtime_error::runtime_error;
};

// One key given: that tenant. As many keys as tenants: these. Without keys, one tenant: the demo tenant of `data`.
// Otherwise `helpdesk-1`, `helpdesk-2`, … on plan business, made once and remembered in `state` (mode 0600).
std::vector<target> find_targets(const tenant_wishes&);

// The server of `data`: `url` of its demo.json.
std::optional<std::string> url_of(const std::filesystem::path& data);
}  // namespace helpdesk
