// A parsed JSON text as opaque nodes. json.cpp behind it is the only file that knows simdjson.
//
// A `document` borrows a parser of its thread for as long as it lives, so that parsing allocates nothing once a thread
// is warm; documents may nest (a sealed value is parsed while the record around it is read). Nodes and the text they
// show are valid until their document is gone. Documents serve one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace schema::json
{
inline constexpr std::size_t depth_max = 16;  // containers within containers

enum class node_type : std::uint8_t
{
    object,
    array,
    text,
    integer,
    fraction,  // any number written with a fraction or an exponent
    boolean,
    null
};

struct node
{
    const std::uint64_t* tape = nullptr;  // simdjson's tape of the document and a position on it
    const std::uint8_t* texts = nullptr;
    std::size_t at = 0;
};

class document
{
public:
    document();
    ~document();
    document(const document&) = delete;
    document& operator=(const document&) = delete;

    // False when the text is malformed: syntax, UTF-8, trailing bytes, lone surrogates, deeper than depth_max, a number
    // outside int64 (or, with a fraction or an exponent, outside double), the same member twice in any object.
    bool parse(std::string_view text);

    node root() const;                                       // after parse was true
    const std::string& problem() const { return problem_; }  // after parse was false: one sentence
    const std::string& where() const { return where_; }      // and the pointer of a doubled member, or "#"

    struct parsing;

private:
    parsing* parser_;
    std::string problem_;
    std::string where_;
};

node_type type_of(const node&);
std::string_view text_of(const node&);
std::int64_t integer_of(const node&);
double fraction_of(const node&);
bool boolean_of(const node&);

// for (members walk{object}; walk.next();) use(walk.key, walk.value);
class members
{
public:
    explicit members(const node& object);
    bool next();

    std::string_view key;
    node value;

private:
    std::size_t at_;
    std::size_t end_;
};

class elements
{
public:
    explicit elements(const node& array);
    bool next();

    std::size_t index = 0;
    node value;

private:
    std::size_t at_;
    std::size_t end_;
    bool begun_ = false;
};

// Nothing found: false. Looks at every member: for small objects.
bool find(const node& object, std::string_view key, node& value);
}  // namespace schema::json
