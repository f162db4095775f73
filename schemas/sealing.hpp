// The seam between field rows marked `personal` and whoever keeps the keys: this folder knows where a personal value
// stands in a record, and nothing of ciphers.
#pragma once

#include "schemas/uuid.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace schema
{
// A value as stored: `{"$sealed": {"s": …, "k": …, "n": …, "c": …}}`; nonce and ciphertext are still in base64.
struct sealed_value
{
    uuid subject;
    std::int32_t key_version = 0;
    std::string_view nonce;
    std::string_view ciphertext;
};

class sealer
{
public:
    virtual ~sealer() = default;
    // Appends the sealed object for `clear` (the value's JSON text) to `out`. `pointer` is the value's JSON pointer.
    virtual void seal(const uuid& subject, std::string_view pointer, std::string_view clear, std::string& out) = 0;
};

class opener
{
public:
    virtual ~opener() = default;
    // The JSON text that was sealed; nothing when the subject is forgotten. Throws on a forged or moved value.
    virtual std::optional<std::string> open(const sealed_value&, std::string_view pointer) = 0;
};

// A personal value as folds see it: there, or typed as forgotten.
template <class T>
struct personal
{
    T value{};
    bool forgotten = false;
    friend bool operator==(const personal&, const personal&) = default;
};
}  // namespace schema
