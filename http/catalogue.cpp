#include "http/catalogue.hpp"

#include "http/api_key.hpp"
#include "http/audit_log.hpp"
#include "http/batch.hpp"
#include "http/client.hpp"
#include "http/comment.hpp"
#include "http/dashboard.hpp"
#include "http/event.hpp"
#include "http/me.hpp"
#include "http/member.hpp"
#include "http/org.hpp"
#include "http/project.hpp"
#include "http/search.hpp"
#include "http/server/documents.hpp"
#include "http/task.hpp"
#include "http/time_entry.hpp"
#include "http/usage.hpp"

#include <array>

namespace http
{
std::span<const std::span<const route>> all_routes()
{
    static const std::array tables{
        client::routes(), project::routes(), task::routes(),       comment::routes(),
        member::routes(), api_key::routes(), org::routes(),        dashboard::routes(),
        me::routes(),     usage::routes(),   time_entry::routes(), batch::routes(),
        search::routes(), event::routes(),   audit_log::routes(),  document_routes(),
    };
    return tables;
}
}  // namespace http
