// What a change of the API would break for its old clients, read from two OpenAPI documents.
//
// Judged are routes and what stands on them: operationIds, scopes, parameters and their values, bodies, statuses, which
// record an answer is, codes, and the members of a problem. The records themselves are judged by schema::breaks. Texts
// may change, and everything may be added. Pure and thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace http
{
// One line per break, each beginning with the route and naming the part ("GET /api/v1/tasks: parameter sort: value
// \"title\" removed"). Empty: nobody breaks. Throws std::invalid_argument when a text is not such a document.
std::vector<std::string> api_breaks(std::string_view old_document, std::string_view new_document);
}  // namespace http
