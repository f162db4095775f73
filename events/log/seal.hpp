// Personal values in the log: encrypted per subject before they are appended, opened when they are read.
//
// AES-256-GCM (NIST SP 800-38D) with 96-bit random nonces drawn in blocks. Three layers: a key per subject, wrapped by
// the tenant's key, wrapped by the master key from a file; forgetting a subject's key forgets the person while the log
// and every proof over it stay as they are. On disk `{"$sealed": {"s": subject, "k": key version, "n": nonce,
// "c": ciphertext + tag}}`, associated data = tenant, event id and JSON pointer, so a value cannot be moved.
// A keyring is shared by all threads of a process; keys are cached in a bounded map and zeroed when dropped. Whoever
// learns keys and then uses them holds on to the ring meanwhile, or other threads' keys may push them out between.
#pragma once

#include "events/log/store.hpp"
#include "schemas/sealing.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace event_log
{
struct keyring_config
{
    std::filesystem::path master_key_file;  // 32 bytes as 64 hex digits, mode 0600; created by `create_master_key`
    std::size_t cached_keys_max = 200'000;  // subjects and tenants together, beside what is held on to
};

void create_master_key(const std::filesystem::path&);  // refuses to overwrite

class keyring
{
public:
    explicit keyring(keyring_config);
    ~keyring();

    // While it lives, no key is dropped that was learned, asked for or used since it began: what a piece of work has
    // seen to be known stays known until its end, and the ring holds so much more than its bound. It lasts for one
    // piece of work (a batch, a page, a round), any thread may end it, and it ends before the ring.
    using held = std::shared_ptr<const void>;
    [[nodiscard]] held hold() const;

    // A fresh tenant key, wrapped for `new_tenant::wrapped_key`.
    std::string make_tenant_key(const uuid& tenant);
    // What the store says, whatever was known before: another process may have brought the tenant to life.
    void learn_tenant(const tenant_entry&);
    // A key made for a tenant about to be born: used until the store's own is learned, never instead of it.
    void learn_newborn(const tenant_entry&);
    bool knows_tenant(const uuid& tenant) const;

    // A fresh key for a subject that has none; appended with the first event that uses it. The key counts only after
    // `learn_subject`, so a refused append leaves nothing behind.
    subject_key make_subject_key(const uuid& tenant, const uuid& subject);
    // Throws std::runtime_error for a key that cannot be unwrapped, and remembers that: opening what was sealed with it
    // throws, too. Whoever learns for several subjects goes on to the next.
    void learn_subject(const subject_key&);
    bool is_damaged(const uuid& tenant, const uuid& subject) const;  // and not learned since
    bool knows_subject(const uuid& tenant, const uuid& subject) const;
    void forget_subject(const uuid& tenant, const uuid& subject);
    // The subject has no key in the store any more (or never had): its values read as forgotten.
    void learn_absent(const uuid& tenant, const uuid& subject);

    // Other bytes that hold something of a subject, for a copy that must not outlive the subject's key; `context` says
    // what they are and where they belong, and opens nothing else. Nothing: there is no such key (any more), it was not
    // learned, or, when opening, these bytes are not what was sealed.
    std::optional<std::string> seal_bytes(const uuid& tenant, const uuid& subject, std::string_view context,
                                          std::string_view clear) const;
    std::optional<std::string> open_bytes(const uuid& tenant, const uuid& subject, std::string_view context,
                                          std::string_view sealed) const;

    // Keyed hashes (HMAC-SHA-256 under keys derived per purpose): claims per tenant (platform scope: platform), and
    // request fingerprints per tenant. Need `learn_tenant` unless the tenant is the platform's.
    claim_hash hash_claim(const uuid& tenant, std::string_view scope, std::string_view folded_value) const;
    claim_hash hash_request(const uuid& tenant, std::string_view canonical) const;

    // Views of the ring for one event, handed to the writing and reading of its record. `fresh`: keys made for this
    // very command that are not learned yet.
    std::unique_ptr<schema::sealer> sealer_for(const uuid& tenant, const uuid& event,
                                               std::span<const subject_key> fresh = {}) const;
    std::unique_ptr<schema::opener> opener_for(const uuid& tenant, const uuid& event) const;

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};

// The subjects whose keys opening these events needs (a scan for "$sealed"), without duplicates.
std::vector<uuid> subjects_in(std::span<const recorded>);
}  // namespace event_log
