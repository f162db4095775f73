// Clients that open streams and read nothing, while others work; tests/chaos has them by thousands.
#include "tests/kit/scenario/slow_readers.hpp"

#include <doctest/doctest.h>

TEST_CASE("slow readers, however many, cost bounded memory, hold nobody up, and lose nothing by being cut")
{
    scenario::site at;
    const auto told = scenario::read_slowly(at, {.readers = 300});
    MESSAGE(told.text());
    CHECK(told.count("problems") == 0);
    CHECK(told.count("cut as slow") > 0);
}
