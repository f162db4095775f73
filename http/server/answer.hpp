// Answers out, as bytes: the writing side of HTTP/1.1 (RFC 9112) without IO, the other half of wire.hpp.
#pragma once

#include "http/server/message.hpp"

#include <string>
#include <string_view>

namespace http
{
// How the client knows where a body ends.
enum class framing
{
    length,
    chunks,
    connection  // with it; also of a head that says nothing of its body
};

// An answer as bytes. `date_field`: a complete line; `last`: the connection ends after it.
void append_answer(std::string& to, const reply&, std::string_view date_field, bool with_body, bool last,
                   framing = framing::length);
}  // namespace http
