// libFuzzer over the bodies of batches.
//
// What holds for every input: a refusal has faults with pointers, malformed alone; what is read has commands within
// the bound, paths that may stand in a header field, and bodies that are JSON.
#include "http/server/batch.hpp"
#include "schemas/assertion.hpp"
#include "schemas/json.hpp"
#include "schemas/record.hpp"
#include "schemas/text.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto read = http::read_batch({reinterpret_cast<const char*>(data), size});
    if (!read)
    {
        CF_ASSERT(!read.error().empty() && read.error().size() <= schema::faults_max);
        for (const schema::fault& each : read.error())
        {
            CF_ASSERT(each.where.starts_with('#') && schema::is_ascii(each.where));
            CF_ASSERT(each.code != "malformed" || read.error().size() == 1);
        }
        return 0;
    }
    CF_ASSERT(!read->commands.empty() && read->commands.size() <= http::batch_commands_max);
    for (const http::batch_command& each : read->commands)
    {
        CF_ASSERT(each.path.starts_with('/'));
        CF_ASSERT(std::all_of(each.path.begin(), each.path.end(), [](char c) { return c > ' ' && c < 0x7f; }));
        schema::json::document body;
        CF_ASSERT(each.body.empty() || body.parse(each.body));
    }
    return 0;
}
