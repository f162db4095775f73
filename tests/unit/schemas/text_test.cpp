// Golden cases of text and bytes, from the standards where they give some.
#include "schemas/text.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

using namespace schema;
using namespace std::string_literals;

namespace
{
std::string random_bytes_of(std::mt19937_64& random, std::size_t size)
{
    std::string out(size, '\0');
    for (char& c : out)
        c = static_cast<char>(random());
    return out;
}
}  // namespace

TEST_CASE("UTF-8 is what RFC 3629 says it is")
{
    for (const auto& good : {""s, "plain"s, "é"s, "中"s, "😀"s, "\xF4\x8F\xBF\xBF"s, "\xEE\x80\x80"s, "a\0b"s})
        CHECK(is_utf8(good));
    for (const auto& bad : {"\x80"s, "\xC1\xBF"s, "\xC3"s, "\xE0\x9F\xBF"s, "\xED\xA0\x80"s, "\xF0\x8F\xBF\xBF"s,
                            "\xF4\x90\x80\x80"s, "\xF8\x88\x80\x80\x80"s, "12345678\xFF"s})
        CHECK_FALSE(is_utf8(bad));
    CHECK(mended_utf8("a\xFF\xC3(é") == "a\xEF\xBF\xBD\xEF\xBF\xBD(é");
    CHECK(is_utf8(mended_utf8("\xF0\x9F\x98")));
    CHECK(is_ascii("12345678 abc"));
    CHECK_FALSE(is_ascii("12345678 abcé"));
}

TEST_CASE("text is composed: one spelling for what looks the same")
{
    CHECK(nfc("Cafe\xCC\x81") == "Café");
    CHECK(nfc("Café") == "Café");
    CHECK(nfc("\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB") == "한");   // jamo to a syllable
    CHECK(nfc("\xE2\x84\xAB") == "Å");                            // the ångström sign
    CHECK(nfc("\xEF\xAC\x81") == "\xEF\xAC\x81");                 // a ligature stays: NFC is not NFKC
    CHECK(nfc("a\xCC\xA7\xCC\x81") == nfc("a\xCC\x81\xCC\xA7"));  // marks in one order
    CHECK(nfc(nfc("q\xCC\x87\xCC\xA3")) == nfc("q\xCC\x87\xCC\xA3"));
    CHECK(unicode_version() == "15.0.0");
}

TEST_CASE("white space of any script is trimmed at the ends and kept within")
{
    CHECK(trim("  a b\t\n") == "a b");
    CHECK(trim("\xC2\xA0\xE3\x80\x80x\xE2\x80\x89\xC2\x85") == "x");
    CHECK(trim("\xE2\x80\x8Bx") == "\xE2\x80\x8Bx");  // zero width, but no white space
    CHECK(trim(" \t ") == "");
    CHECK(trim("") == "");
    CHECK(trim("é") == "é");
    CHECK(trim("\x80 ") == "\x80");
}

TEST_CASE("words stand between white space of any script")
{
    using parts = std::vector<std::string_view>;
    CHECK(words("one") == parts{"one"});
    CHECK(words("  one\xE3\x80\x80" "two\xC2\xA0three ") == parts{"one", "two", "three"});
    CHECK(words("a-b c'd") == parts{"a-b", "c'd"});
    CHECK(words(" \t ").empty());
    CHECK(words("").empty());
}

TEST_CASE("case folding compares, in every script that has case")
{
    CHECK(same_folded("Ann@Example.ORG", "ann@example.org"));
    CHECK(same_folded("STRASSE", "straße"));
    CHECK(same_folded("ÉCLAIR", "e\xCC\x81"
                                "clair"));
    CHECK(same_folded("ΣΊΣΥΦΟΣ", "σίσυφος"));
    CHECK_FALSE(same_folded("ann", "anne"));
}

TEST_CASE("code points are counted, control characters found, and clipping never cuts a code point")
{
    CHECK(code_points("") == 0);
    CHECK(code_points("aé中😀") == 4);
    CHECK(has_control_character("a\0b"s, true));
    CHECK(has_control_character("a\xC2\x9F", true));
    CHECK_FALSE(has_control_character("a\xC2\xA0", false));
    CHECK_FALSE(has_control_character("a\n\tb", true));
    CHECK(has_control_character("a\nb", false));
    CHECK(has_control_character("\x7F", true));
    CHECK(clip("aé中😀", 10) == "aé中😀");
    for (std::size_t size = 0; size < 10; ++size)
    {
        CHECK(clip("aé中😀", size).size() <= size);
        CHECK(is_utf8(clip("aé中😀", size)));
    }
}

TEST_CASE("base 64 and base 16 print what RFC 4648 prints, and take nothing else")
{
    const std::vector<std::pair<std::string, std::string>> golden{{"", ""},
                                                                  {"f", "Zg=="},
                                                                  {"fo", "Zm8="},
                                                                  {"foo", "Zm9v"},
                                                                  {"foob", "Zm9vYg=="},
                                                                  {"fooba", "Zm9vYmE="},
                                                                  {"foobar", "Zm9vYmFy"}};
    for (const auto& [bytes, text] : golden)
    {
        CHECK(base64(bytes) == text);
        CHECK(from_base64(text) == bytes);
        CHECK(from_base64url(base64url(bytes)) == bytes);
    }
    CHECK(base64url("\xFB\xFF") == "-_8");
    CHECK(base64("\xFB\xFF") == "+/8=");
    for (const auto* bad : {"Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zm9v\n", "Zm 9", "Zg==Zg=="})
        CHECK_MESSAGE(!from_base64(bad), bad);
    for (const auto* bad : {"Z", "Zh", "Zg==", "+/8"})
        CHECK_MESSAGE(!from_base64url(bad), bad);
    CHECK(hex("\x01\xAB\xFF") == "01abff");
    CHECK(from_hex("01ABff") == "\x01\xAB\xFF");
    CHECK_FALSE(from_hex("0"));
    CHECK_FALSE(from_hex("0g"));
}

TEST_CASE("whatever the bytes, their spellings are read back the same")
{
    const std::uint64_t seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937_64 random{seed};
    for (std::size_t size = 0; size < 200; ++size)
    {
        const std::string bytes = random_bytes_of(random, size);
        CHECK(from_base64(base64(bytes)) == bytes);
        CHECK(from_base64url(base64url(bytes)) == bytes);
        CHECK(from_hex(hex(bytes)) == bytes);
        CHECK(is_utf8(mended_utf8(bytes)));
        CHECK(is_utf8(bytes) == (mended_utf8(bytes) == bytes));
    }
}

TEST_CASE("base 62 is a number, padded on its left")
{
    CHECK(base62(0, 1) == "0");
    CHECK(base62(61, 1) == "z");
    CHECK(base62(62, 1) == "10");
    CHECK(base62(0xFFFFFFFF, 6) == "4gfFC3");
    CHECK(base62(UINT64_MAX, 0) == "LygHa16AHYF");
    CHECK(base62(5, 6) == "000005");
    const std::vector<std::uint8_t> most(20, 255);
    CHECK(base62(most, 27).size() == 27);
}

TEST_CASE("digests are those of the standards")
{
    CHECK(crc32("123456789") == 0xCBF43926);
    CHECK(crc32("") == 0);
    CHECK(hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(hex(hmac_sha256("Jefe", "what do ya want for nothing?")) ==
          "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    CHECK(hex(hmac_sha256("", "")) == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
    std::array<std::uint8_t, 16> one{};
    std::array<std::uint8_t, 16> other{};
    random_bytes(one);
    random_bytes(other);
    CHECK(one != other);
    CHECK(same_secret("abc", "abc"));
    CHECK_FALSE(same_secret("abc", "abd"));
    CHECK_FALSE(same_secret("abc", "ab"));
}
