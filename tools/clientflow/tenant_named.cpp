// See tenant_named.hpp.
#include "tools/clientflow/tenant_named.hpp"

#include "commands/limits.hpp"
#include "events/log/seal.hpp"
#include "events/log/store.hpp"
#include "events/org.hpp"

#include <algorithm>

namespace cli
{
namespace
{
bool may_be_slug(const std::string& text)
{
    const auto is_plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
    return !text.empty() && text.front() != '-' && std::ranges::all_of(text, is_plain);
}
}  // namespace

schema::uuid tenant_named(const settings& of, const std::string& id_or_slug)
{
    if (const auto id = org::org_id::parse(id_or_slug))
        return id->value;
    if (!may_be_slug(id_or_slug))
        throw failure(usage, "bad_id", "\"" + id_or_slug + "\" is neither an org_… id nor a slug");
    const event_log::keyring keys{of.keys};
    const auto hash = keys.hash_claim(event_log::platform_tenant, limits::org_slug, id_or_slug);
    const auto found = event_log::store{of.store}.find_claim(event_log::platform_tenant, limits::org_slug, hash);
    if (!found)
        throw failure(not_found, "not_found", "no organisation has the slug " + id_or_slug);
    return found->owner.tenant;
}
}  // namespace cli
