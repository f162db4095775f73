// What clients say in header fields, read once and strictly: conditions, keys for repeating, preferences, traces.
//
// Pure and thread-safe. A field that cannot be read is a refusal where the contract says so (If-Match, Idempotency-Key)
// and is ignored where it is only a wish (Prefer, traceparent, X-Request-Id). Sources: RFC 9110 §13, RFC 7240 (Prefer),
// W3C Trace Context, draft-ietf-httpapi-idempotency-key-header-07.
#pragma once

#include "http/server/problem.hpp"
#include "schemas/result.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace http
{
struct version_list
{
    bool any = false;                    // "*"
    std::vector<std::int64_t> versions;  // of strong tags that are a version of ours, "<v>" or "<v>-gzip"
};

// If-Match: weak tags never match, tags that are not ours match nothing; what is not a list of
// tags is a problem, and so is an empty one.
schema::result<version_list, problem> read_if_match(std::string_view);

// If-None-Match compares weakly. False also when the field is absent or cannot be read.
bool none_match_names(std::string_view field, std::int64_t version);

std::string etag(std::int64_t version);

// Idempotency-Key, quoted or bare: 1 to 255 visible ASCII characters.
schema::result<std::string, problem> read_idempotency_key(std::string_view);

struct preference
{
    std::optional<std::chrono::seconds> wait;
    bool strict = false;  // handling=strict
};
preference read_prefer(std::string_view);

// A sent X-Request-Id is kept when it is 8 to 128 of [A-Za-z0-9._-].
bool is_request_id(std::string_view);

// The field itself when it is a traceparent of version 00, else empty.
std::string_view read_traceparent(std::string_view);

// Whether a media range of the Accept field takes `type` ("application/json"); an absent field takes everything.
bool accepts(std::string_view field, std::string_view type);

// Whether the Accept field names `type` itself, with no smaller weight than it has for `usual`, which it may take by a
// range like "*/*" (RFC 9110 §12.5.1).
bool prefers(std::string_view field, std::string_view type, std::string_view usual);

// Whether Accept-Encoding takes gzip (RFC 9110 §12.5.3): by name or by "*", and not with a weight of 0.
bool takes_gzip(std::string_view accept_encoding);

// The type and subtype of a Content-Type in lower case, without parameters; nothing when a charset other than UTF-8 is
// named.
std::optional<std::string> media_type(std::string_view content_type);

// The forms in which bodies are read, as an Accept field lists them: JSON, and merge patches where a thing is patched.
std::string_view media_read(bool is_patch);
// Why a body of this Content-Type and Content-Encoding is not read; nothing when it is.
std::optional<problem> unread_media(std::string_view content_type, std::string_view content_encoding, bool is_patch);
}  // namespace http
