#include "http/server/compression.hpp"
#include "http/server/query_string.hpp"
#include "http/server/route.hpp"
#include "schemas/assertion.hpp"

namespace http
{
void call::refuse(const problem& what)
{
    problem_code = what.owned_code.empty() ? std::string{what.code} : what.owned_code;
    code = problem_code;
    out->content_type = {};
    out->body.clear();
    render(what, {in->path, request_id, server->upgrade_url()}, *out);
}

void call::answer_item(std::string json, std::int64_t version)
{
    out->add("ETag", etag(version));
    if (const auto field = in->field("if-none-match"); !field.empty() && none_match_names(field, version))
    {
        out->status = 304;
        if (json.size() >= compressed_from_bytes && takes_gzip(in->joined("accept-encoding")))
            mark_entity_tag(*out);  // as the 200 would have it
        return;
    }
    answer_json(std::move(json));
}

void call::answer_json(std::string json)
{
    out->content_type = "application/json";
    out->body = std::move(json);
}
}  // namespace http
