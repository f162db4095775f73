// libFuzzer over cursors: forged ones, and ones that were ours until somebody turned a bit.
//
// What holds for every input: text that we did not sign is no cursor; a cursor made of any row leads back to that row;
// with any one byte of it changed, cut or added it leads nowhere, and so it does in another organisation.
#include "projections/task.hpp"
#include "schemas/assertion.hpp"
#include "schemas/text.hpp"

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

// Signs with a secret that no other input has: the fuzzer learns what it sees compared, good cursors among it.
struct signer
{
    std::string secret;

    schema::result<list_ask, schema::faults> read(const std::string& cursor, const list_place& place) const
    {
        return projection::read_list_query(task::listing(), {{"cursor", cursor}}, place, secret);
    }
    void expect_refusal(const std::string& cursor, const list_place& place) const
    {
        const auto ask = read(cursor, place);
        CF_ASSERT(!ask && ask.error().size() == 1 && ask.error().front().code == "bad_cursor");
    }
};
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const list_place place{{}, "/api/v1/tasks"};
    const std::string_view bytes{reinterpret_cast<const char*>(data), size};
    const auto digest = schema::sha256(bytes);
    const signer ours{{digest.begin(), digest.end()}};
    ours.expect_refusal(std::string{bytes}, place);
    if (size < 17)
        return 0;

    projection::seek row;
    std::memcpy(row.id.bytes.data(), data, 16);
    row.is_before = (data[16] & 1) != 0;
    if ((data[16] & 2) != 0)
        row.value = std::string{bytes.substr(17)};
    const auto nothing = projection::read_list_query(task::listing(), {}, place, ours.secret);
    const auto cursor = projection::cursor_from(*nothing, place, row, ours.secret);
    const auto found = ours.read(cursor, place);
    CF_ASSERT(found && found->beside && found->beside->id == row.id && found->beside->value == row.value &&
              found->beside->is_before == row.is_before);

    auto turned = cursor;
    char& one = turned[data[16] % turned.size()];
    one = one == 'A' ? 'B' : 'A';
    if (turned != cursor)
        ours.expect_refusal(turned, place);
    ours.expect_refusal(cursor.substr(0, cursor.size() - 1), place);
    ours.expect_refusal(cursor + "A", place);
    ours.expect_refusal(cursor, {row.id.is_nil() ? schema::uuid::v7(1, {1}) : row.id, "/api/v1/tasks"});
    return 0;
}
