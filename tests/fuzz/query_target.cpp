// libFuzzer over query strings: their encoding, and what a list makes of them.
//
// What holds for every input: names and values are UTF-8 without control characters; encoded again they read the same;
// a list refuses with faults that name a parameter, or makes a statement whose values are all arguments.
#include "http/server/query_string.hpp"
#include "projections/task.hpp"
#include "schemas/assertion.hpp"
#include "schemas/text.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace
{
void check_list(const http::query_parameters& given)
{
    const projection::list_place place{{}, "/api/v1/tasks"};
    const auto& shape = task::listing();
    const auto ask = projection::read_list_query(shape, given, place, std::string(32, 's'));
    if (!ask)
    {
        CF_ASSERT(!ask.error().empty());
        for (const schema::fault& each : ask.error())
            CF_ASSERT(each.in == schema::fault::place::parameter && !each.code.empty());
        return;
    }
    CF_ASSERT(ask->limit >= 1 && ask->limit <= projection::limit_max && ask->offset <= projection::offset_max);
    const auto made = projection::list_statement(shape, *ask, std::nullopt);
    for (const char c : made.body)
        CF_ASSERT(c >= ' ' && c < 0x7f);
    for (const auto& argument : made.arguments)
        CF_ASSERT(schema::is_utf8(argument) && argument.find('\0') == std::string::npos);
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto read = http::read_query({reinterpret_cast<const char*>(data), size});
    if (!read)
        return 0;
    std::string again;
    for (const auto& [name, value] : *read)
    {
        for (const auto* text : {&name, &value})
            CF_ASSERT(schema::is_utf8(*text) && !schema::has_control_character(*text, false));
        again.append(again.empty() ? "" : "&").append(http::percent_encoded(name)).append("=");
        again.append(http::percent_encoded(value));
    }
    CF_ASSERT(http::read_query(again) == read);
    check_list(*read);
    return 0;
}
