#include "tools/clientflow/build_id.hpp"

#include <algorithm>
#include <cstddef>
#include <elf.h>
#include <link.h>
#include <string_view>

namespace cli
{
namespace
{
constexpr std::size_t aligned(std::size_t bytes) { return (bytes + 3) / 4 * 4; }

// The build id among the notes of a segment; empty: it is not there.
std::string find_build_id(std::string_view notes)
{
    while (notes.size() >= sizeof(ElfW(Nhdr)))
    {
        const auto* head = reinterpret_cast<const ElfW(Nhdr)*>(notes.data());
        const std::size_t name_at = sizeof(ElfW(Nhdr)), value_at = name_at + aligned(head->n_namesz);
        if (value_at + head->n_descsz > notes.size())
            break;
        if (head->n_type == NT_GNU_BUILD_ID && notes.substr(name_at, 4) == std::string_view{"GNU\0", 4})
            return std::string{notes.substr(value_at, head->n_descsz)};
        notes.remove_prefix(std::min(notes.size(), value_at + aligned(head->n_descsz)));
    }
    return {};
}

// Of the first object, which is the program itself.
int visit(dl_phdr_info* object, std::size_t, void* into)
{
    for (int i = 0; i < object->dlpi_phnum; ++i)
    {
        const ElfW(Phdr)& segment = object->dlpi_phdr[i];
        if (segment.p_type != PT_NOTE)
            continue;
        const auto* begin = reinterpret_cast<const char*>(object->dlpi_addr + segment.p_vaddr);
        if (auto found = find_build_id({begin, segment.p_memsz}); !found.empty())
            static_cast<std::string*>(into)->append(found);
    }
    return 1;
}
}  // namespace

std::string build_id()
{
    std::string made;
    dl_iterate_phdr(visit, &made);
    return made;
}
}  // namespace cli
