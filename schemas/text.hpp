// Text and bytes: the one form of text that is stored, and the spellings of bytes (base 64, base 62, hex, digests).
//
// "Bytes" are held in std::string. Everything here is pure and thread-safe, but random_bytes, which draws from
// OpenSSL's generator. Nothing throws but std::bad_alloc and, should the system's generator fail, std::runtime_error.
// Sources: Unicode 15 as in utf8proc 2.8 (NFC, case folding), RFC 4648 (base 16, 64), IEEE 802.3 (CRC-32),
// FIPS 180-4 (SHA-256), RFC 2104 (HMAC).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace schema
{
// -- Text. UTF-8 in, UTF-8 out.

bool is_ascii(std::string_view);
bool is_utf8(std::string_view);  // RFC 3629: no surrogates, no overlong forms, nothing above U+10FFFF

std::string mended_utf8(std::string_view);  // every broken sequence becomes U+FFFD

std::string nfc(std::string_view);  // of valid UTF-8; anything else comes back as it is

// Without white space (Unicode White_Space) at both ends. A view into what was given.
std::string_view trim(std::string_view);

// What stands between white space (Unicode White_Space), as views into what was given.
std::vector<std::string_view> words(std::string_view);

// For comparing, never for showing: Unicode case folding, then NFC. "STRASSE" and "Straße" fold alike.
std::string fold(std::string_view);
bool same_folded(std::string_view, std::string_view);

std::size_t code_points(std::string_view);  // of valid UTF-8

// C0 (but newline and tab when `multiline`), DEL and C1.
bool has_control_character(std::string_view, bool multiline);

// The first `bytes_max` bytes or fewer, never cutting a code point.
std::string_view clip(std::string_view, std::size_t bytes_max);

std::string_view unicode_version();  // of the tables behind nfc and fold; recorded beside what was hashed with them

// -- Bytes as text. Decoders accept exactly what encoders print (base 16 in either case).

std::string base64(std::string_view bytes);  // with padding
std::optional<std::string> from_base64(std::string_view);
std::string base64url(std::string_view bytes);  // without padding
std::optional<std::string> from_base64url(std::string_view);

// 0-9A-Za-z, most significant first, at least `digits` of them. The bytes are one big-endian number.
std::string base62(std::span<const std::uint8_t> bytes, std::size_t digits);
std::string base62(std::uint64_t value, std::size_t digits);

std::string hex(std::string_view bytes);  // lower case
std::string hex(std::span<const std::uint8_t> bytes);
std::optional<std::string> from_hex(std::string_view);

// -- Digests and randomness.

using digest = std::array<std::uint8_t, 32>;

std::uint32_t crc32(std::string_view bytes);
digest sha256(std::string_view bytes);
digest hmac_sha256(std::string_view key, std::string_view bytes);
void random_bytes(std::span<std::uint8_t> into);

// Takes the same time wherever the first difference is. Different sizes answer at once.
bool same_secret(std::string_view, std::string_view);
}  // namespace schema
