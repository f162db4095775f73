// libFuzzer over cursors: forged ones, and ones that were ours until somebody turned a bit.
//
// What holds for every input: text that we did not sign is no cursor; a cursor made of any row leads back to that row;
// with any one byte of it changed, cut or added it leads nowhere, and so it does in another organisation.
#include "projections/task.hpp"
#include "schemas/assertion.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace
{
using projection::list_ask;
using projection::list_place;

const std::string& secret()
{
    static const std::string made(32, 's');
    return made;
}

schema::result<list_ask, schema::faults> read(const std::string& cursor, const list_place& place)
{
    return projection::read_list_query(task::listing(), {{"cursor", cursor}}, place, secret());
}

void expect_refusal(const std::string& cursor, const list_place& place)
{
    const auto ask = read(cursor, place);
    CF_ASSERT(!ask && ask.error().size() == 1 && ask.error().front().code == "bad_cursor");
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const list_place place{{}, "/api/v1/tasks"};
    const std::string_view bytes{reinterpret_cast<const char*>(data), size};
    expect_refusal(std::string{bytes}, place);
    if (size < 17)
        return 0;

    projection::seek row;
    std::memcpy(row.id.bytes.data(), data, 16);
    row.is_before = (data[16] & 1) != 0;
    if ((data[16] & 2) != 0)
        row.value = std::string{bytes.substr(17)};
    auto nothing = projection::read_list_query(task::listing(), {}, place, secret());
    const auto cursor = projection::cursor_from(*nothing, place, row, secret());
    const auto found = read(cursor, place);
    CF_ASSERT(found && found->beside && found->beside->id == row.id && found->beside->value == row.value &&
              found->beside->is_before == row.is_before);

    auto turned = cursor;
    char& one = turned[data[16] % turned.size()];
    one = one == 'A' ? 'B' : 'A';
    if (turned != cursor)
        expect_refusal(turned, place);
    expect_refusal(cursor.substr(0, cursor.size() - 1), place);
    expect_refusal(cursor + "A", place);
    expect_refusal(cursor, {row.id.is_nil() ? schema::uuid::v7(1, {1}) : row.id, "/api/v1/tasks"});
    return 0;
}
