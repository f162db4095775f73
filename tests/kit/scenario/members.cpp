#include "tests/kit/scenario/members.hpp"

#include "schemas/json.hpp"

namespace scenario
{
namespace json = schema::json;

namespace
{
bool find(json::document& read, std::string_view text, std::string_view name, json::node& found)
{
    return read.parse(text) && json::type_of(read.root()) == json::node_type::object &&
           json::find(read.root(), name, found);
}
}  // namespace

std::string text_member(std::string_view text, std::string_view name)
{
    json::document read;
    json::node found;
    if (!find(read, text, name, found) || json::type_of(found) != json::node_type::text)
        return "";
    return std::string{json::text_of(found)};
}

std::int64_t integer_member(std::string_view text, std::string_view name)
{
    json::document read;
    json::node found;
    if (!find(read, text, name, found) || json::type_of(found) != json::node_type::integer)
        return 0;
    return json::integer_of(found);
}
}  // namespace scenario
