// libFuzzer over everything that reads JSON from strangers or from the store.
//
//     clang++-16 -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -I. tests/fuzz/json_target.cpp
//         tests/unit/schemas/sample.cpp schemas/*.cpp -lsimdjson -lutf8proc -lcrypto -o json_fuzz
//     ./json_fuzz tests/fuzz/corpus/json
//
// What holds for every input: nothing crashes; a refusal has at least one fault and never more than the limit,
// malformed stands alone; what a request was read to is written, read and written again to the same bytes; canonical
// text is a fixed point. The unit tests replay the corpus through this very function.
#include "schemas/assertion.hpp"
#include "schemas/emitted.hpp"
#include "schemas/text.hpp"
#include "tests/unit/schemas/sample.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace
{
using namespace schema;

void check_faults(const faults& found)
{
    CF_ASSERT(!found.empty() && found.size() <= faults_max);
    const bool malformed =
        std::any_of(found.begin(), found.end(), [](const fault& f) { return f.code == "malformed"; });
    CF_ASSERT(!malformed || found.size() == 1);
    for (const fault& each : found)
        CF_ASSERT(each.where.starts_with('#') && is_ascii(each.where) && is_utf8(each.message));
}

template <class T>
void read_and_write(std::string_view text)
{
    const auto got = read_json<T>(text);
    if (!got)
        return check_faults(got.error());
    std::string once;
    write_json(*got, once);
    CF_ASSERT(is_utf8(once));

    const auto again = read_json<T>(once);
    CF_ASSERT(static_cast<bool>(again));
    CF_ASSERT(*again == *got);
    std::string twice;
    write_json(*again, twice);
    CF_ASSERT(once == twice);
}

void read_stored(std::string_view text)
{
    const auto got = read_json<sample::everything>(text, reading::stored);
    if (!got)
        check_faults(got.error());
    try
    {
        static_cast<void>(read_variant<sample::event>("thing.met", text));
        static_cast<void>(breaks(text, schema_of<sample::everything>, compatibility::as_request));
    }
    catch (const std::exception&)
    {
        return;  // damage is reported by exception there
    }
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    read_and_write<sample::everything>(text);
    read_and_write<sample::change>(text);
    read_stored(text);
    const std::string canonical = canonical_json(text);
    CF_ASSERT(canonical_json(canonical) == canonical);
    return 0;
}
