// Where a reader or writer stands inside a document: steps kept on the stack, spelled out only when asked.
//
// Source: RFC 6901; §6 for the fragment form ("#/a/0/b", percent-encoded) that faults carry.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace schema
{
struct step
{
    static constexpr std::size_t no_index = static_cast<std::size_t>(-1);

    const step* up = nullptr;  // nullptr: this step is a member of the root
    std::string_view key;
    std::size_t index = no_index;  // an element of a list
};

std::string pointer_of(const step*);           // "/a/0/b"; "" for the root
std::string fragment_pointer_of(const step*);  // "#/a/0/b"; "#" for the root. Long member names are cut.
}  // namespace schema
