// Golden cases and properties of ids, times and money.
#include "schemas/money.hpp"
#include "schemas/time.hpp"
#include "schemas/uuid.hpp"

#include <doctest/doctest.h>

#include <random>
#include <set>
#include <string>

using namespace schema;

namespace
{
uuid random_uuid(std::mt19937_64& random)
{
    uuid made;
    for (auto& byte : made.bytes)
        byte = static_cast<std::uint8_t>(random());
    return made;
}
}  // namespace

TEST_CASE("a uuid has the spellings of RFC 9562 and of the TypeID specification")
{
    const auto id = uuid::parse("01890a5d-ac96-774b-bcce-b302099a8057");
    REQUIRE(id);
    CHECK(id->text() == "01890a5d-ac96-774b-bcce-b302099a8057");
    CHECK(id->base32() == "01h455vb4pex5vsknk084sn02q");
    CHECK(uuid::parse("01890A5D-AC96-774B-BCCE-B302099A8057") == id);
    CHECK(uuid::parse_base32("01h455vb4pex5vsknk084sn02q") == id);
    CHECK(uuid{}.base32() == "00000000000000000000000000");
    CHECK(uuid::parse("ffffffff-ffff-ffff-ffff-ffffffffffff")->base32() == "7zzzzzzzzzzzzzzzzzzzzzzzzz");
    for (const auto* bad : {"", "01890a5dac96774bbcceb302099a8057", "01890a5d-ac96-774b-bcce-b302099a805",
                            "01890a5d-ac96-774b-bcce-b302099a8057a", "01890a5d+ac96-774b-bcce-b302099a8057",
                            "g1890a5d-ac96-774b-bcce-b302099a8057", "{1890a5d-ac96-774b-bcce-b302099a805}"})
        CHECK_MESSAGE(!uuid::parse(bad), bad);
    for (const auto* bad : {"", "81h455vb4pex5vsknk084sn02q", "01h455vb4pex5vsknk084sn02", "01H455VB4PEX5VSKNK084SN02Q",
                            "01h455vb4pex5vsknk084sn02u", "01h455vb4pex5vsknk084sn0i2"})
        CHECK_MESSAGE(!uuid::parse_base32(bad), bad);
}

TEST_CASE("every uuid is read back from both spellings, and their order is the bytes' order")
{
    const std::uint64_t seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937_64 random{seed};
    for (int i = 0; i < 500; ++i)
    {
        const uuid a = random_uuid(random);
        const uuid b = random_uuid(random);
        CHECK(uuid::parse(a.text()) == a);
        CHECK(uuid::parse_base32(a.base32()) == a);
        CHECK((a < b) == (a.text() < b.text()));
        CHECK((a < b) == (a.base32() < b.base32()));
    }
}

TEST_CASE("a TypeID carries its prefix and takes no other")
{
    using id = type_id<"project">;
    const auto given = id::parse("project_01h455vb4pex5vsknk084sn02q");
    REQUIRE(given);
    CHECK(given->text() == "project_01h455vb4pex5vsknk084sn02q");
    for (const auto* bad : {"projects_01h455vb4pex5vsknk084sn02q", "task_01h455vb4pex5vsknk084sn02q",
                            "01h455vb4pex5vsknk084sn02q", "project-01h455vb4pex5vsknk084sn02q", "project_"})
        CHECK_MESSAGE(!id::parse(bad), bad);
}

TEST_CASE("a source's ids carry time, version and variant, never repeat and never decrease, even when the clock does")
{
    uuid_source source;
    std::set<uuid> seen;
    uuid last;
    const std::int64_t now_us = 1'700'000'000'000'000;
    for (int i = 0; i < 20'000; ++i)
    {
        const std::int64_t wobble = i % 3 == 0 ? -5'000 : 0;
        const uuid next = source.next(now_us + wobble + i / 5'000 * 1'000);
        CHECK(next > last);
        seen.insert(next);
        last = next;
    }
    CHECK(seen.size() == 20'000);
    CHECK((last.bytes[6] >> 4) == 7);
    CHECK((last.bytes[8] >> 6) == 2);
    CHECK(uuid_source{}.next(now_us).text().substr(0, 13) == "018bcfe5-6800");
}

TEST_CASE("a source follows a clock that is set back by more than a minute, and never repeats an id")
{
    const auto ms_of = [](const uuid& id) {
        return std::stoll(id.text().substr(0, 8) + id.text().substr(9, 4), {}, 16);
    };
    constexpr std::int64_t minute_us = 60'000'000, now_us = 1'700'000'000'000'000;
    uuid_source source;
    std::set<uuid> seen{source.next(now_us + 120 * minute_us)};

    CHECK(ms_of(*seen.insert(source.next(now_us + 119 * minute_us)).first) == (now_us + 120 * minute_us) / 1'000);
    CHECK(ms_of(*seen.insert(source.next(now_us)).first) == now_us / 1'000);
    CHECK(ms_of(*seen.insert(source.next(now_us + 1'000)).first) == now_us / 1'000 + 1);
    CHECK(ms_of(*seen.insert(source.next(now_us + 120 * minute_us)).first) == (now_us + 120 * minute_us) / 1'000);
    CHECK(seen.size() == 5);
}

TEST_CASE("a moment is spelled in UTC with six decimals and read in any offset")
{
    CHECK(moment{}.text() == "1970-01-01T00:00:00.000000Z");
    CHECK(moment{-1}.text() == "1969-12-31T23:59:59.999999Z");
    CHECK(moment::parse("2026-01-31T09:30:00.000001Z")->text() == "2026-01-31T09:30:00.000001Z");
    CHECK(moment::parse("2026-01-31t09:30:00.5z")->text() == "2026-01-31T09:30:00.500000Z");
    CHECK(moment::parse("2026-01-31T09:30:00+14:00")->text() == "2026-01-30T19:30:00.000000Z");
    CHECK(moment::parse("2026-01-31T23:30:00-02:30")->text() == "2026-02-01T02:00:00.000000Z");
    CHECK(moment::parse("2024-02-29T00:00:00-00:00")->text() == "2024-02-29T00:00:00.000000Z");
    CHECK(moment::parse("0001-01-01T00:00:00Z")->text() == "0001-01-01T00:00:00.000000Z");
    CHECK(moment::parse("9999-12-31T23:59:59.999999Z")->text() == "9999-12-31T23:59:59.999999Z");
    for (const auto* bad : {"",
                            "2026-01-31",
                            "2026-01-31 09:30:00Z",
                            "2026-01-31T09:30:00",
                            "2026-01-31T09:30Z",
                            "2026-01-31T24:00:00Z",
                            "2016-12-31T23:59:60Z",
                            "2026-02-29T00:00:00Z",
                            "2026-13-01T00:00:00Z",
                            "2026-00-01T00:00:00Z",
                            "2026-01-31T09:30:00.Z",
                            "2026-01-31T09:30:00.1234567Z",
                            "2026-01-31T09:30:00,5Z",
                            "2026-01-31T09:30:00+24:00",
                            "2026-01-31T09:30:00+0100",
                            "2026-01-31T09:30:00Zx",
                            "0000-01-01T00:00:00Z",
                            "0001-01-01T00:00:00+00:01",
                            "9999-12-31T23:59:59-00:01",
                            "+2026-01-31T09:30:00Z",
                            "2026-1-31T09:30:00Z",
                            "2026-01-31T-9:30:00Z"})
        CHECK_MESSAGE(!moment::parse(bad), bad);
}

TEST_CASE("a day is a date, and every moment and day is read back as it was spelled")
{
    CHECK(day{}.text() == "1970-01-01");
    CHECK(day::parse("2000-02-29")->since_epoch == 11'016);
    for (const auto* bad :
         {"", "1900-02-29", "2026-04-31", "2026-4-01", "2026-04-01Z", "2026/04/01", "0000-01-01", "10000-01-01"})
        CHECK_MESSAGE(!day::parse(bad), bad);

    const std::uint64_t seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937_64 random{seed};
    std::uniform_int_distribution<std::int64_t> any_moment{-62'135'596'800'000'000, 253'402'300'799'999'999};
    std::uniform_int_distribution<std::int32_t> any_day{-719'162, 2'932'896};
    for (int i = 0; i < 500; ++i)
    {
        const moment at{any_moment(random)};
        CHECK(moment::parse(at.text()) == at);
        const day on{any_day(random)};
        CHECK(day::parse(on.text()) == on);
    }
}

TEST_CASE("currencies have their own decimals")
{
    CHECK(currency_exponent("EUR") == 2);
    CHECK(currency_exponent("AED") == 2);
    CHECK(currency_exponent("ZWG") == 2);
    CHECK(currency_exponent("JPY") == 0);
    CHECK(currency_exponent("BIF") == 0);
    CHECK(currency_exponent("XPF") == 0);
    CHECK(currency_exponent("KWD") == 3);
    CHECK(currency_exponent("CLF") == 4);
    for (const auto* bad : {"", "EU", "EURO", "eur", "XXX", "UR ", "R A", "AAA", "ZZZ"})
        CHECK_MESSAGE(!currency_exponent(bad), bad);
}
