// The fuzzer's corpus, replayed: what once broke, or came near, is read again by every run of the unit tests.
#include "tests/fuzz/json_target.cpp"
#include "tests/kit/paths.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

TEST_CASE("every text of the fuzzer's corpus is read or refused in good order")
{
    std::size_t replayed = 0;
    for (const auto& file : std::filesystem::directory_iterator{kit::source_root() / "tests/fuzz/corpus/json"})
    {
        CAPTURE(file.path().filename().string());
        std::ifstream in{file.path(), std::ios::binary};
        const std::string text{std::istreambuf_iterator<char>{in}, {}};
        CHECK(LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()) == 0);
        ++replayed;
    }
    CHECK(replayed >= 20);
}
