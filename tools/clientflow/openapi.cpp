// `clientflow openapi`: the API's document, as /api/openapi.json serves it.
#include "http/server/openapi.hpp"

#include "http/catalogue.hpp"
#include "tools/clientflow/api_document.hpp"
#include "tools/clientflow/program.hpp"

#include <CLI/CLI.hpp>

#include <iostream>

namespace cli
{
std::string api_document() { return http::openapi_document(http::all_routes(), CLIENTFLOW_VERSION); }

void add_openapi(CLI::App& root, program& chosen)
{
    auto& verb = add_noun(root, "openapi", "Example: clientflow openapi > openapi.json\n\nThe API as OpenAPI 3.1.");
    verb.callback([&chosen] {
        chosen.run = [] {
            std::cout << api_document() << '\n';
            return done;
        };
    });
}
}  // namespace cli
