#include "tests/unit/schemas/sample.hpp"

#include "schemas/text.hpp"

namespace sample
{
namespace
{
std::int64_t between(std::mt19937_64& random, std::int64_t min, std::int64_t max)
{
    return std::uniform_int_distribution<std::int64_t>{min, max}(random);
}

schema::uuid random_uuid(std::mt19937_64& random)
{
    schema::uuid made;
    for (auto& byte : made.bytes)
        byte = static_cast<std::uint8_t>(between(random, 0, 255));
    return made;
}

// In one composed code point each, so that NFC has nothing to do; among them what JSON and CSV must escape.
const std::vector<std::string> characters{"a", "Z", "7", " ",  "\"", "\\",           "/", "{", "]", ",",
                                          "é", "ß", "Ж", "中", "😀", "\xE2\x80\xA8", "ñ", "ﬂ"};

place random_place(std::mt19937_64& random)
{
    place made{random_text(random, 1, 40), {}};
    if (between(random, 0, 1))
        made.town = random_text(random, 1, 40);
    return made;
}
}  // namespace

std::string random_text(std::mt19937_64& random, std::size_t min, std::size_t max)
{
    const auto size =
        static_cast<std::size_t>(between(random, static_cast<std::int64_t>(min), static_cast<std::int64_t>(max)));
    std::string made;
    for (std::size_t i = 0; i < size; ++i)
    {
        const auto& one =
            characters[static_cast<std::size_t>(between(random, 0, static_cast<std::int64_t>(characters.size()) - 1))];
        const bool at_an_end = i == 0 || i + 1 == size;  // white space there would be trimmed
        made += at_an_end && schema::trim(one).empty() ? "x" : one;
    }
    return made;
}

everything random_everything(std::mt19937_64& random)
{
    everything made;
    made.id = {random_uuid(random)};
    made.raw = random_uuid(random);
    made.flag = between(random, 0, 1) == 1;
    made.small = static_cast<std::int16_t>(between(random, INT16_MIN, INT16_MAX));
    made.middle = static_cast<std::int32_t>(between(random, -5, 100'000));
    made.large = between(random, -schema::integer_max, schema::integer_max);
    made.name = random_text(random, 1, 20);
    made.story = random_text(random, 0, 400);
    made.at = {between(random, -62'135'596'800'000'000, 253'402'300'799'999'999)};
    made.on = {static_cast<std::int32_t>(between(random, -719'162, 2'932'896))};
    made.price = {between(random, 0, 1'000'000), between(random, 0, 1) ? "EUR" : "JPY"};
    made.feels = static_cast<mood>(between(random, 0, 2));
    made.where = random_place(random);
    if (between(random, 0, 1))
        made.outline = circle{static_cast<std::int16_t>(between(random, 1, 100))};
    else
        made.outline = square{static_cast<std::int32_t>(between(random, 1, 100))};
    if (between(random, 0, 1))
        made.nickname = random_text(random, 1, 20);
    if (between(random, 0, 1))
        made.count = between(random, 0, 10);
    if (between(random, 0, 1))
        made.other = random_place(random);
    for (std::int64_t i = between(random, 0, 5); i > 0; --i)
        made.labels.push_back(std::to_string(i) + random_text(random, 1, 9));
    for (std::int64_t i = between(random, 0, 3); i > 0; --i)
        made.friends.push_back({random_uuid(random)});
    for (std::int64_t i = between(random, 0, 4); i > 0; --i)
        made.places.push_back({std::to_string(i), {}});
    for (std::int64_t i = between(random, 0, 4); i > 0; --i)
        made.counts[random_text(random, 1, 10)] = between(random, 0, 9);
    made.level = static_cast<std::int32_t>(between(random, INT32_MIN, INT32_MAX));
    return made;
}
}  // namespace sample
