#include "events/log/cipher.hpp"

#include "schemas/assertion.hpp"
#include "schemas/text.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <stdexcept>

namespace event_log
{
namespace
{
struct free_context
{
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
    void operator()(EVP_CIPHER* cipher) const { EVP_CIPHER_free(cipher); }
};

// What a thread keeps for its ciphers.
struct bench
{
    std::unique_ptr<EVP_CIPHER, free_context> cipher{EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr)};
    std::unique_ptr<EVP_CIPHER_CTX, free_context> context{EVP_CIPHER_CTX_new()};
    std::array<std::uint8_t, nonce_bytes * 256> nonces{};
    std::size_t used = sizeof(nonces);

    void next_nonce(std::array<char, nonce_bytes>& out)
    {
        if (used == nonces.size())
        {
            schema::random_bytes(nonces);
            used = 0;
        }
        std::memcpy(out.data(), nonces.data() + used, nonce_bytes);
        used += nonce_bytes;
    }
};

bench& of_this_thread()
{
    thread_local bench held;
    if (!held.cipher || !held.context)
        throw std::runtime_error{"OpenSSL has no AES-256-GCM"};
    return held;
}

const unsigned char* raw(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

unsigned char* raw(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

void must(int done)
{
    if (done != 1)
        throw std::runtime_error{"OpenSSL failed to encrypt"};
}
}  // namespace

secret_key::secret_key(std::string_view bytes)
{
    CF_ASSERT(bytes.size() == held_.size());
    std::memcpy(held_.data(), bytes.data(), held_.size());
}

secret_key::~secret_key() { OPENSSL_cleanse(held_.data(), held_.size()); }

secret_key secret_key::random()
{
    secret_key out;
    schema::random_bytes(out.held_);
    return out;
}

secret_key secret_key::derive(std::string_view purpose) const
{
    auto digest = schema::hmac_sha256(bytes(), purpose);
    secret_key out;
    out.held_ = digest;
    OPENSSL_cleanse(digest.data(), digest.size());
    return out;
}

ciphered encrypt(const secret_key& key, std::string_view associated, std::string_view clear)
{
    bench& with = of_this_thread();
    EVP_CIPHER_CTX* const context = with.context.get();
    ciphered out;
    with.next_nonce(out.nonce);
    out.text.resize(clear.size() + tag_bytes);
    int written = 0;
    must(EVP_EncryptInit_ex2(context, with.cipher.get(), key.data(),
                             reinterpret_cast<const unsigned char*>(out.nonce.data()), nullptr));
    must(EVP_EncryptUpdate(context, nullptr, &written, raw(associated), static_cast<int>(associated.size())));
    must(EVP_EncryptUpdate(context, raw(out.text), &written, raw(clear), static_cast<int>(clear.size())));
    int rest = 0;
    must(EVP_EncryptFinal_ex(context, raw(out.text) + written, &rest));
    must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, tag_bytes, raw(out.text) + clear.size()));
    return out;
}

std::optional<std::string> decrypt(const secret_key& key, std::string_view associated, std::string_view nonce,
                                   std::string_view text)
{
    if (nonce.size() != nonce_bytes || text.size() < tag_bytes)
        return std::nullopt;
    EVP_CIPHER_CTX* const context = of_this_thread().context.get();
    const std::size_t length = text.size() - tag_bytes;
    std::string clear(length, '\0');
    std::array<char, tag_bytes> tag{};
    std::memcpy(tag.data(), text.data() + length, tag_bytes);
    int written = 0;
    must(EVP_DecryptInit_ex2(context, of_this_thread().cipher.get(), key.data(), raw(nonce), nullptr));
    must(EVP_DecryptUpdate(context, nullptr, &written, raw(associated), static_cast<int>(associated.size())));
    must(EVP_DecryptUpdate(context, raw(clear), &written, raw(text), static_cast<int>(length)));
    must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, tag_bytes, tag.data()));
    int rest = 0;
    if (EVP_DecryptFinal_ex(context, raw(clear) + written, &rest) != 1)
        return std::nullopt;
    return clear;
}
}  // namespace event_log
