// simdjson's DOM parser, and what it leaves to its users: doubled members, our depth, uint64.
//
// After a parse everything here reads simdjson's tape, whose format it documents (doc/tape.md): a word per value, the
// kind in its top byte; a container's first word names the place after its end, a text's word an offset into the texts,
// and a number's value stands in the word that follows.
#include "schemas/json.hpp"

#include "schemas/assertion.hpp"
#include "schemas/pointer.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <simdjson.h>
#include <vector>

namespace schema::json
{
namespace
{
constexpr std::size_t kept_capacity_max = 1024 * 1024;  // a parser that grew beyond is not kept by its thread
constexpr std::size_t pairwise_members_max = 12;        // more members than that are sorted to find doubled ones

// simdjson counts the root document as a level, and refuses when the level reached equals its maximum.
constexpr std::size_t parser_depth = depth_max + 2;

constexpr std::uint64_t payload_mask = 0x00FF'FFFF'FFFF'FFFF;

char kind_at(const node& of) { return static_cast<char>(of.tape[of.at] >> 56); }

std::uint64_t payload_at(const node& of) { return of.tape[of.at] & payload_mask; }

// The place after a value.
std::size_t after(const node& of)
{
    switch (kind_at(of))
    {
    case '{':
    case '[':
        return static_cast<std::uint32_t>(payload_at(of));
    case 'l':
    case 'u':
    case 'd':
        return of.at + 2;
    default:
        return of.at + 1;
    }
}

std::string_view text_at(const node& of)
{
    const std::uint8_t* at = of.texts + payload_at(of);
    std::uint32_t size = 0;
    std::memcpy(&size, at, sizeof(size));
    return {reinterpret_cast<const char*>(at + sizeof(size)), size};
}

bool by_size_then_bytes(std::string_view a, std::string_view b)
{
    return a.size() != b.size() ? a.size() < b.size() : std::memcmp(a.data(), b.data(), a.size()) < 0;
}

}  // namespace

// A parser with its document, and the keys of the objects that the check is inside of.
struct document::parsing
{
    simdjson::dom::parser parser;
    std::vector<std::string_view> keys;
    std::size_t capacity = 0;

    static parsing* borrow();
    static void give_back(parsing*);
};

namespace
{
std::vector<std::unique_ptr<document::parsing>>& idle_parsers()
{
    thread_local std::vector<std::unique_ptr<document::parsing>> idle;
    return idle;
}

// What is wrong with a tree that simdjson accepted.
class check
{
public:
    check(document::parsing& parser, std::string& problem, std::string& where)
        : parser_(parser), problem_(problem), where_(where)
    {}

    bool value(const node& at, const step* here, std::size_t depth)
    {
        switch (kind_at(at))
        {
        case '{':
            return depth < depth_max ? object(at, here, depth + 1) : refuse("too deep", here);
        case '[':
            return depth < depth_max ? array(at, here, depth + 1) : refuse("too deep", here);
        case 'u':
            return refuse("a number is outside the range of 64-bit integers", here);
        default:
            return true;
        }
    }

private:
    bool object(const node& at, const step* here, std::size_t depth)
    {
        const std::size_t first = parser_.keys.size();
        for (members walk{at}; walk.next();)
        {
            parser_.keys.push_back(walk.key);
            const step inside{here, walk.key};
            if (!value(walk.value, &inside, depth))
                return false;
        }
        const bool fine = all_differ(first, here);
        parser_.keys.resize(first);
        return fine;
    }

    bool array(const node& at, const step* here, std::size_t depth)
    {
        for (elements walk{at}; walk.next();)
        {
            const step inside{here, {}, walk.index};
            if (!value(walk.value, &inside, depth))
                return false;
        }
        return true;
    }

    bool all_differ(std::size_t first, const step* here)
    {
        const auto begin = parser_.keys.begin() + static_cast<std::ptrdiff_t>(first);
        const auto end = parser_.keys.end();
        auto twice = end;
        if (static_cast<std::size_t>(end - begin) <= pairwise_members_max)
        {
            for (auto key = begin; key != end && twice == end; ++key)
                if (std::find(begin, key, *key) != key)
                    twice = key;
        }
        else
        {
            std::sort(begin, end, by_size_then_bytes);
            twice = std::adjacent_find(begin, end);
        }
        if (twice == end)
            return true;
        const step inside{here, *twice};
        return refuse("a member is there twice", &inside);
    }

    bool refuse(const char* problem, const step* here)
    {
        problem_ = problem;
        where_ = fragment_pointer_of(here);
        return false;
    }

    document::parsing& parser_;
    std::string& problem_;
    std::string& where_;
};

const char* sentence(simdjson::error_code error)
{
    switch (error)
    {
    case simdjson::EMPTY:
        return "there is no JSON text";
    case simdjson::UTF8_ERROR:
        return "the bytes are not UTF-8";
    case simdjson::DEPTH_ERROR:
        return "too deep";
    case simdjson::NUMBER_ERROR:
        return "a number is misspelled or outside the range of 64-bit integers";
    case simdjson::STRING_ERROR:
        return "a text holds a bad escape or half of a surrogate pair";
    case simdjson::UNCLOSED_STRING:
        return "a text has no end";
    case simdjson::UNESCAPED_CHARS:
        return "a text holds a control character that is not escaped";
    default:
        return "this is not JSON";
    }
}
}  // namespace

document::parsing* document::parsing::borrow()
{
    auto& idle = idle_parsers();
    if (idle.empty())
        return new parsing;
    parsing* taken = idle.back().release();
    idle.pop_back();
    return taken;
}

void document::parsing::give_back(parsing* used)
{
    std::unique_ptr<parsing> kept{used};
    if (kept->capacity <= kept_capacity_max)
        idle_parsers().push_back(std::move(kept));
}

document::document() : parser_(parsing::borrow()) {}

document::~document() { parsing::give_back(parser_); }

bool document::parse(std::string_view text)
{
    auto& parser = parser_->parser;
    where_ = "#";
    if (text.data() == nullptr)
        text = "";  // simdjson copies from where it is told, also nothing
    if (parser_->capacity < text.size() || parser_->capacity == 0)
    {
        const std::size_t wanted = std::bit_ceil(std::max<std::size_t>(text.size(), 4096));
        if (parser.allocate(wanted, parser_depth) != simdjson::SUCCESS)
            throw std::bad_alloc();
        parser_->capacity = wanted;
    }
    if (const auto parsed = parser.parse(text.data(), text.size()); parsed.error() != simdjson::SUCCESS)
    {
        if (parsed.error() == simdjson::MEMALLOC)
            throw std::bad_alloc();
        problem_ = sentence(parsed.error());
        return false;
    }
    parser_->keys.clear();
    return check{*parser_, problem_, where_}.value(root(), nullptr, 0);
}

node document::root() const
{
    const auto& held = parser_->parser.doc;
    return {held.tape.get(), held.string_buf.get(), 1};
}

node_type type_of(const node& of)
{
    switch (kind_at(of))
    {
    case '{':
        return node_type::object;
    case '[':
        return node_type::array;
    case '"':
        return node_type::text;
    case 'l':
        return node_type::integer;
    case 'd':
        return node_type::fraction;
    case 't':
    case 'f':
        return node_type::boolean;
    default:
        return node_type::null;
    }
}

std::string_view text_of(const node& of)
{
    CF_ASSERT(kind_at(of) == '"');
    return text_at(of);
}

std::int64_t integer_of(const node& of)
{
    CF_ASSERT(kind_at(of) == 'l');
    return static_cast<std::int64_t>(of.tape[of.at + 1]);
}

double fraction_of(const node& of)
{
    CF_ASSERT(kind_at(of) == 'd');
    return std::bit_cast<double>(of.tape[of.at + 1]);
}

bool boolean_of(const node& of) { return kind_at(of) == 't'; }

members::members(const node& object) : value(object), at_(object.at + 1), end_(after(object) - 1)
{
    CF_ASSERT(kind_at(object) == '{');
}

bool members::next()
{
    if (at_ == end_)
        return false;
    value.at = at_;
    key = text_at(value);
    value.at = at_ + 1;
    at_ = after(value);
    return true;
}

elements::elements(const node& array) : value(array), at_(array.at + 1), end_(after(array) - 1)
{
    CF_ASSERT(kind_at(array) == '[');
}

bool elements::next()
{
    if (at_ == end_)
        return false;
    if (begun_)
        ++index;
    begun_ = true;
    value.at = at_;
    at_ = after(value);
    return true;
}

bool find(const node& object, std::string_view key, node& value)
{
    for (members walk{object}; walk.next();)
    {
        if (walk.key != key)
            continue;
        value = walk.value;
        return true;
    }
    return false;
}
}  // namespace schema::json
