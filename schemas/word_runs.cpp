#include "schemas/word_runs.hpp"

#include "schemas/text.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <utf8proc.h>

namespace schema
{
namespace
{
struct character
{
    utf8proc_int32_t code = 0;
    std::size_t bytes = 1;
};

character first_of(std::string_view text)
{
    character made;
    const auto bytes = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                        static_cast<utf8proc_ssize_t>(text.size()), &made.code);
    if (bytes < 1)
        return {-1, 1};
    made.bytes = static_cast<std::size_t>(bytes);
    return made;
}

// First and last of the blocks whose scripts are written without spaces.
constexpr std::array<std::pair<utf8proc_int32_t, utf8proc_int32_t>, 11> unspaced{{{0x0E00, 0x0EFF},
                                                                                  {0x1000, 0x109F},
                                                                                  {0x1780, 0x17FF},
                                                                                  {0x2E80, 0x2FDF},
                                                                                  {0x3005, 0x3007},
                                                                                  {0x3040, 0x30FF},
                                                                                  {0x31F0, 0x31FF},
                                                                                  {0x3400, 0x9FFF},
                                                                                  {0xF900, 0xFAFF},
                                                                                  {0xFF66, 0xFF9F},
                                                                                  {0x20000, 0x3FFFF}}};

bool is_unspaced(utf8proc_int32_t code)
{
    return code >= unspaced.front().first && std::ranges::any_of(unspaced, [&](const auto& block) {
               return code >= block.first && code <= block.second;
           });
}

enum class part
{
    letter,     // or digit
    mark,       // of the character before it
    invisible,  // goes on with what was before it
    symbol,
    separator
};

part part_of(utf8proc_int32_t code)
{
    constexpr utf8proc_int32_t space_without_width = 0x200B;
    if (code < 0 || code == space_without_width)
        return part::separator;
    switch (utf8proc_category(code))
    {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return part::letter;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
        return part::mark;
    case UTF8PROC_CATEGORY_CF:
        return part::invisible;
    case UTF8PROC_CATEGORY_SO:
        return part::symbol;
    default:
        return part::separator;
    }
}
}  // namespace

std::vector<word_run> word_runs(std::string_view text, std::size_t code_points_max)
{
    std::vector<word_run> found;
    std::optional<word_run::kind> open;  // the kind of the run that goes on; found.back() is it
    for (std::size_t at = 0, seen = 0; at < text.size() && seen < code_points_max; ++seen)
    {
        const auto here = first_of(text.substr(at));
        const auto what = part_of(here.code);
        if (what == part::letter || what == part::symbol)
        {
            const auto kind = what == part::symbol     ? word_run::kind::symbol
                              : is_unspaced(here.code) ? word_run::kind::unspaced
                                                       : word_run::kind::word;
            if (open != kind || kind == word_run::kind::symbol)
                found.push_back({kind, text.substr(at, 0)});
            open = kind;
        }
        else if (what == part::separator || open == word_run::kind::symbol)
            open.reset();
        if (open)
            found.back().text = {found.back().text.data(),
                                 static_cast<std::size_t>(text.data() + at + here.bytes - found.back().text.data())};
        at += here.bytes;
    }
    return found;
}

std::string folded_word(std::string_view text)
{
    if (is_ascii(text))
        return fold(text);
    utf8proc_uint8_t* made = nullptr;
    constexpr auto options =
        static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);
    const auto size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                   static_cast<utf8proc_ssize_t>(text.size()), &made, options);
    const std::unique_ptr<utf8proc_uint8_t, void (*)(void*)> owned{made, std::free};
    if (size == UTF8PROC_ERROR_NOMEM)
        throw std::bad_alloc();
    return size < 0 ? std::string{text}
                    : std::string{reinterpret_cast<const char*>(made), static_cast<std::size_t>(size)};
}

std::vector<std::string_view> characters(std::string_view text)
{
    std::vector<std::string_view> found;
    for (std::size_t at = 0; at < text.size(); at += found.back().size())
        found.push_back(text.substr(at, first_of(text.substr(at)).bytes));
    return found;
}
}  // namespace schema
