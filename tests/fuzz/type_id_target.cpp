// libFuzzer over ids as clients write them.
//
// What holds for every input: an id has one spelling, so what is read is written again as it was; an id of one kind is
// none of another; the two spellings of the 16 bytes mean the same.
#include "schemas/assertion.hpp"
#include "schemas/uuid.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    using project_id = schema::type_id<"project">;
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    if (const auto id = project_id::parse(text))
    {
        CF_ASSERT(id->text() == text);
        CF_ASSERT(!schema::type_id<"task">::parse(text));
        CF_ASSERT(schema::uuid::parse(id->value.text()) == id->value);
    }
    if (const auto id = schema::uuid::parse_base32(text))
        CF_ASSERT(id->base32() == text);
    if (const auto id = schema::uuid::parse(text))
        CF_ASSERT(id->text().size() == text.size() && schema::uuid::parse(id->text()) == id);
    if (size >= 16)
    {
        project_id made;
        std::memcpy(made.value.bytes.data(), data, 16);
        CF_ASSERT(project_id::parse(made.text()) == made);
    }
    return 0;
}
