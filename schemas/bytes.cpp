// Bytes as text, digests and randomness: the second half of text.hpp, and this folder's only user of OpenSSL.
#include "schemas/text.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace schema
{
namespace
{
constexpr std::string_view base64_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view base64url_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view base62_digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::string_view hex_digits = "0123456789abcdef";

using values = std::array<std::int8_t, 256>;

constexpr values values_of(std::string_view digits)
{
    values table{};
    table.fill(-1);
    for (std::size_t i = 0; i < digits.size(); ++i)
        table[static_cast<unsigned char>(digits[i])] = static_cast<std::int8_t>(i);
    return table;
}

constexpr values hex_values = [] {
    values table = values_of(hex_digits);
    for (char c = 'A'; c <= 'F'; ++c)
        table[static_cast<unsigned char>(c)] = static_cast<std::int8_t>(c - 'A' + 10);
    return table;
}();

constexpr std::array<std::uint32_t, 256> crc_table = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < 256; ++i)
    {
        std::uint32_t remainder = i;
        for (int bit = 0; bit < 8; ++bit)
            remainder = remainder & 1 ? 0xEDB88320u ^ (remainder >> 1) : remainder >> 1;
        table[i] = remainder;
    }
    return table;
}();

// An algorithm asked for by name is looked up under a lock every time: each thread asks once.
struct digesting
{
    std::unique_ptr<EVP_MD, decltype(&EVP_MD_free)> algorithm{EVP_MD_fetch(nullptr, "SHA256", nullptr), EVP_MD_free};
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), EVP_MD_CTX_free};
};

using mac_context = std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)>;

// Without a key. Those that get one are copies, and are wiped when they are freed.
mac_context hmac_of_sha256()
{
    const std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> algorithm{EVP_MAC_fetch(nullptr, "HMAC", nullptr),
                                                                      EVP_MAC_free};
    mac_context made{algorithm ? EVP_MAC_CTX_new(algorithm.get()) : nullptr, EVP_MAC_CTX_free};
    std::string digest = "SHA256";
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
                                     OSSL_PARAM_construct_end()};
    if (!made || EVP_MAC_CTX_set_params(made.get(), parameters) != 1)
        throw std::runtime_error("OpenSSL has no HMAC");
    return made;
}

const unsigned char* octets(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

std::string in_base_64(std::string_view bytes, std::string_view digits)
{
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    std::uint32_t held = 0;
    int bits = 0;
    for (const char c : bytes)
    {
        held = held << 8 | static_cast<unsigned char>(c);
        for (bits += 8; bits >= 6; bits -= 6)
            out += digits[held >> (bits - 6) & 63];
    }
    if (bits > 0)
        out += digits[held << (6 - bits) & 63];
    return out;
}

// Refuses what has another spelling: a lone last digit, or leftover bits that are not zero.
std::optional<std::string> out_of_base_64(std::string_view text, const values& table)
{
    std::string out;
    out.reserve(text.size() / 4 * 3 + 2);
    std::uint32_t held = 0;
    int bits = 0;
    for (const char c : text)
    {
        const int value = table[static_cast<unsigned char>(c)];
        if (value < 0)
            return std::nullopt;
        held = held << 6 | static_cast<std::uint32_t>(value);
        bits += 6;
        if (bits >= 8)
        {
            bits -= 8;
            out += static_cast<char>(held >> bits & 255);
        }
    }
    if (text.size() % 4 == 1 || (held & ((1u << bits) - 1)) != 0)
        return std::nullopt;
    return out;
}
}  // namespace

std::string base64(std::string_view bytes)
{
    std::string out = in_base_64(bytes, base64_digits);
    out.append((4 - out.size() % 4) % 4, '=');
    return out;
}

std::optional<std::string> from_base64(std::string_view text)
{
    static constexpr values table = values_of(base64_digits);
    if (text.size() % 4 != 0)
        return std::nullopt;
    for (int i = 0; i < 2 && text.ends_with('='); ++i)
        text.remove_suffix(1);
    return out_of_base_64(text, table);
}

std::string base64url(std::string_view bytes) { return in_base_64(bytes, base64url_digits); }

std::optional<std::string> from_base64url(std::string_view text)
{
    static constexpr values table = values_of(base64url_digits);
    return out_of_base_64(text, table);
}

std::string base62(std::span<const std::uint8_t> bytes, std::size_t digits)
{
    std::vector<std::uint8_t> number(bytes.begin(), bytes.end());
    std::string out;
    while (std::any_of(number.begin(), number.end(), [](std::uint8_t byte) { return byte != 0; }))
    {
        std::uint32_t remainder = 0;
        for (std::uint8_t& byte : number)
        {
            const std::uint32_t part = remainder << 8 | byte;
            byte = static_cast<std::uint8_t>(part / 62);
            remainder = part % 62;
        }
        out += base62_digits[remainder];
    }
    if (out.size() < digits)
        out.append(digits - out.size(), '0');
    std::reverse(out.begin(), out.end());
    return out;
}

std::string base62(std::uint64_t value, std::size_t digits)
{
    std::array<std::uint8_t, 8> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<std::uint8_t>(value >> (56 - 8 * i));
    return base62(bytes, digits);
}

std::string hex(std::span<const std::uint8_t> bytes)
{
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const std::uint8_t byte : bytes)
        out += {hex_digits[byte >> 4], hex_digits[byte & 15]};
    return out;
}

std::string hex(std::string_view bytes) { return hex(std::span{octets(bytes), bytes.size()}); }

std::optional<std::string> from_hex(std::string_view text)
{
    if (text.size() % 2 != 0)
        return std::nullopt;
    std::string out;
    out.reserve(text.size() / 2);
    for (std::size_t i = 0; i < text.size(); i += 2)
    {
        const int high = hex_values[static_cast<unsigned char>(text[i])];
        const int low = hex_values[static_cast<unsigned char>(text[i + 1])];
        if (high < 0 || low < 0)
            return std::nullopt;
        out += static_cast<char>(high << 4 | low);
    }
    return out;
}

std::uint32_t crc32(std::string_view bytes)
{
    std::uint32_t sum = 0xFFFFFFFF;
    for (const char c : bytes)
        sum = crc_table[(sum ^ static_cast<unsigned char>(c)) & 255] ^ sum >> 8;
    return ~sum;
}

digest sha256(std::string_view bytes)
{
    thread_local const digesting with;
    digest made{};
    if (!with.algorithm || !with.context ||
        EVP_DigestInit_ex2(with.context.get(), with.algorithm.get(), nullptr) != 1 ||
        EVP_DigestUpdate(with.context.get(), bytes.data(), bytes.size()) != 1 ||
        EVP_DigestFinal_ex(with.context.get(), made.data(), nullptr) != 1)
        throw std::runtime_error("OpenSSL computes no SHA-256");
    return made;
}

digest hmac_sha256(std::string_view key, std::string_view bytes)
{
    thread_local const mac_context without_key = hmac_of_sha256();
    const mac_context with{EVP_MAC_CTX_dup(without_key.get()), EVP_MAC_CTX_free};
    digest made{};
    std::size_t size = 0;
    if (!with || EVP_MAC_init(with.get(), octets(key), key.size(), nullptr) != 1 ||
        EVP_MAC_update(with.get(), octets(bytes), bytes.size()) != 1 ||
        EVP_MAC_final(with.get(), made.data(), &size, made.size()) != 1)
        throw std::runtime_error("OpenSSL computes no HMAC");
    return made;
}

void random_bytes(std::span<std::uint8_t> into)
{
    if (RAND_bytes(into.data(), static_cast<int>(into.size())) != 1)
        throw std::runtime_error("the system gives no random bytes");
}

bool same_secret(std::string_view a, std::string_view b)
{
    return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}
}  // namespace schema
