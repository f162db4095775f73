#include "schemas/json_copy.hpp"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

namespace schema
{
namespace
{
void write_members(json_writer& out, const json::node& object, member_order order)
{
    std::vector<std::pair<std::string_view, json::node>> members;
    for (json::members walk{object}; walk.next();)
        members.emplace_back(walk.key, walk.value);
    if (order == member_order::sorted)
        std::sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.first < b.first; });

    out.begin_object();
    for (const auto& [key, value] : members)
        write_node(out.key(key), value, order);
    out.end_object();
}

// 60.0 stays a fraction: where an integer is asked for, it is none.
void write_fraction(json_writer& out, double number)
{
    const std::size_t before = out.text().size();
    out.number(number);
    if (out.text().find_first_of(".e", before) == std::string::npos)
        out.text() += ".0";
}
}  // namespace

void write_node(json_writer& out, const json::node& given, member_order order)
{
    switch (json::type_of(given))
    {
    case json::node_type::object:
        write_members(out, given, order);
        break;
    case json::node_type::array:
        out.begin_array();
        for (json::elements walk{given}; walk.next();)
            write_node(out, walk.value, order);
        out.end_array();
        break;
    case json::node_type::text:
        out.string(json::text_of(given));
        break;
    case json::node_type::integer:
        out.integer(json::integer_of(given));
        break;
    case json::node_type::fraction:
        write_fraction(out, json::fraction_of(given));
        break;
    case json::node_type::boolean:
        out.boolean(json::boolean_of(given));
        break;
    case json::node_type::null:
        out.null();
        break;
    }
}
}  // namespace schema
