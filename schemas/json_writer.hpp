// Appends JSON text to a string: escaping, commas, and nothing else.
//
// The caller pairs begin and end and writes a key before each member's value. Whatever bytes go in as text, the output
// is valid JSON in UTF-8: broken UTF-8 becomes U+FFFD. Serves one thread. Source: RFC 8259.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace schema
{
class json_writer
{
public:
    explicit json_writer(std::string& out) : out_(out) {}
    json_writer(const json_writer&) = delete;
    json_writer& operator=(const json_writer&) = delete;

    json_writer& begin_object() { return open('{'); }
    json_writer& end_object() { return close('}'); }
    json_writer& begin_array() { return open('['); }
    json_writer& end_array() { return close(']'); }

    json_writer& key(std::string_view);
    json_writer& plain_key(std::string_view);  // one that needs no escaping: letters, digits, underscores
    json_writer& string(std::string_view);
    json_writer& integer(std::int64_t);
    json_writer& number(double);  // shortest form that reads back the same; not finite: null
    json_writer& boolean(bool);
    json_writer& null();
    json_writer& raw(std::string_view json);  // one value that is JSON text already

    // A member whose value is text.
    json_writer& member(std::string_view name, std::string_view text) { return key(name).string(text); }

    // The text written to, for codecs that append their spelling themselves: call `value` first.
    std::string& text() { return out_; }
    json_writer& value();

private:
    json_writer& open(char);
    json_writer& close(char);

    std::string& out_;
    bool comma_ = false;  // something stands before the next value at this depth
};

// Appends `text` with its quotes, escaped.
void append_quoted(std::string& out, std::string_view text);
}  // namespace schema
