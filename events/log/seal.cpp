#include "events/log/seal.hpp"

#include "events/log/cipher.hpp"
#include "schemas/assertion.hpp"
#include "schemas/text.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <list>
#include <map>
#include <mutex>
#include <set>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <unordered_map>

namespace event_log
{
namespace
{
constexpr std::string_view sealed_begins = "{\"$sealed\":{\"s\":\"";
constexpr std::size_t uuid_text_bytes = 36;

std::string_view bytes(const uuid& id) { return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()}; }

std::string joined(std::initializer_list<std::string_view> parts)
{
    std::string out;
    for (const std::string_view part : parts)
        out += part;
    return out;
}

// Nonce, ciphertext, tag; so are keys wrapped.
std::string wrap(const secret_key& under, std::string_view associated, std::string_view clear)
{
    const ciphered out = encrypt(under, associated, clear);
    return joined({{out.nonce.data(), out.nonce.size()}, out.text});
}

secret_key unwrap(const secret_key& under, std::string_view associated, std::string_view wrapped)
{
    std::optional<std::string> clear;
    if (wrapped.size() > nonce_bytes)
        clear = decrypt(under, associated, wrapped.substr(0, nonce_bytes), wrapped.substr(nonce_bytes));
    if (!clear || clear->size() != 32)
        throw std::runtime_error{"a key cannot be unwrapped: another master key, or a damaged store"};
    const secret_key key{*clear};
    OPENSSL_cleanse(clear->data(), clear->size());
    return key;
}

std::string of_tenant(const uuid& tenant) { return joined({"clientflow tenant key", bytes(tenant)}); }

std::string of_subject(const uuid& tenant, const uuid& subject, std::int32_t version)
{
    return joined({"clientflow subject key", bytes(tenant), bytes(subject), std::to_string(version)});
}

std::string of_value(const uuid& tenant, const uuid& event, std::string_view pointer)
{
    return joined({bytes(tenant), bytes(event), pointer});
}

std::string of_bytes(const uuid& tenant, const uuid& subject, std::string_view context)
{
    return joined({"clientflow bytes", bytes(tenant), bytes(subject), context});
}

secret_key read_master_key(const std::filesystem::path& file)
{
    struct descriptor
    {
        int held;
        ~descriptor() { ::close(held); }
    };
    const descriptor opened{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
    if (opened.held < 0)
        throw std::system_error{errno, std::generic_category(), "the master key file " + file.string()};
    struct stat about = {};
    if (::fstat(opened.held, &about) != 0 || (about.st_mode & 077) != 0)
        throw std::runtime_error{"the master key file " + file.string() + " may be read by others: chmod 600"};
    std::array<char, 65> text{};
    const ssize_t got = ::read(opened.held, text.data(), text.size());
    std::optional<std::string> key;
    if (got == 64 || (got == 65 && text[64] == '\n'))
        key = schema::from_hex({text.data(), 64});
    OPENSSL_cleanse(text.data(), text.size());
    if (!key)
        throw std::runtime_error{"the master key file " + file.string() + " does not hold 64 hex digits"};
    const secret_key out{*key};
    OPENSSL_cleanse(key->data(), key->size());
    return out;
}

struct tenant_keys
{
    explicit tenant_keys(const secret_key& tenant)
        : wrapping{tenant.derive("wrap subject keys")}
        , claims{tenant.derive("claims")}
        , requests{tenant.derive("requests")}
    {}

    secret_key wrapping, claims, requests;
};

// All versions of a subject's key; none: it is known to have none.
struct subject_keys_held
{
    std::map<std::int32_t, secret_key> by_version;
    bool is_damaged = false;  // a version cannot be unwrapped
};

// When keys were last used, counted in holds: what was touched since the oldest hold began is not dropped.
struct use_clock
{
    std::uint64_t now = 0;               // grows with each hold
    std::multiset<std::uint64_t> holds;  // when those that live began

    bool may_drop(std::uint64_t last_used) const { return holds.empty() || last_used < *holds.begin(); }
};

// A map that drops what was not used for longest.
template <class Key, class Value>
class bounded
{
public:
    // The clock outlives the map.
    bounded(std::size_t entries_max, const use_clock& clock) : entries_max_(entries_max), clock_(clock) {}

    Value* find(const Key& key)
    {
        const auto found = places_.find(key);
        if (found == places_.end())
            return nullptr;
        order_.splice(order_.begin(), order_, found->second);
        found->second->last_used = clock_.now;
        return &found->second->value;
    }

    Value& put(const Key& key, Value value)
    {
        if (Value* there = find(key))
            return *there = std::move(value);
        order_.push_front({key, std::move(value), clock_.now});
        places_.emplace(key, order_.begin());
        shrink();
        return order_.front().value;
    }

    void shrink()
    {
        for (; order_.size() > entries_max_ && clock_.may_drop(order_.back().last_used); order_.pop_back())
            places_.erase(order_.back().key);
    }

private:
    struct entry
    {
        Key key;
        Value value;
        std::uint64_t last_used;
    };
    struct hash
    {
        std::size_t operator()(const uuid& id) const { return std::hash<uuid>{}(id); }
        std::size_t operator()(const std::pair<uuid, uuid>& ids) const
        {
            return schema::mixed(std::hash<uuid>{}(ids.first), std::hash<uuid>{}(ids.second));
        }
    };

    std::size_t entries_max_;
    const use_clock& clock_;
    std::list<entry> order_;  // the newest use in front
    std::unordered_map<Key, typename std::list<entry>::iterator, hash> places_;
};
}  // namespace

struct keyring::implementation
{
    explicit implementation(const keyring_config& config)
        : master{read_master_key(config.master_key_file)}
        , wrapping{master.derive("wrap tenant keys")}
        , tenants{std::max<std::size_t>(1, config.cached_keys_max / 4), clock}
        , subjects{std::max<std::size_t>(1, config.cached_keys_max - config.cached_keys_max / 4), clock}
    {}

    // Fixed after construction.
    const secret_key master;
    const secret_key wrapping;

    std::mutex mutex;
    // Guarded by mutex.
    use_clock clock;
    bounded<uuid, tenant_keys> tenants;
    bounded<std::pair<uuid, uuid>, subject_keys_held> subjects;

    tenant_keys of(const uuid& tenant)
    {
        const std::lock_guard lock{mutex};
        if (const tenant_keys* known = tenants.find(tenant))
            return *known;
        if (tenant != platform_tenant)
            throw std::logic_error{"the tenant's key was not learned"};
        return tenants.put(tenant, tenant_keys{master.derive("platform tenant")});
    }

    // The newest version.
    std::optional<std::pair<std::int32_t, secret_key>> newest(const uuid& tenant, const uuid& subject)
    {
        const std::lock_guard lock{mutex};
        const subject_keys_held* known = subjects.find({tenant, subject});
        if (known == nullptr || known->by_version.empty())
            return std::nullopt;
        return *known->by_version.rbegin();
    }

    std::optional<secret_key> of_version(const uuid& tenant, const uuid& subject, std::int32_t version)
    {
        const std::lock_guard lock{mutex};
        const subject_keys_held* known = subjects.find({tenant, subject});
        if (known == nullptr)
            return std::nullopt;
        const auto found = known->by_version.find(version);
        return found == known->by_version.end() ? std::nullopt : std::optional{found->second};
    }

    std::uint64_t begin_hold()
    {
        const std::lock_guard lock{mutex};
        clock.holds.insert(++clock.now);
        return clock.now;
    }

    void end_hold(std::uint64_t began)
    {
        const std::lock_guard lock{mutex};
        clock.holds.erase(clock.holds.find(began));
        tenants.shrink();
        subjects.shrink();
    }

    void mark_damaged(const uuid& tenant, const uuid& subject)
    {
        const std::lock_guard lock{mutex};
        if (subject_keys_held* known = subjects.find({tenant, subject}))
            known->is_damaged = true;
        else
            subjects.put({tenant, subject}, {{}, true});
    }
};

namespace
{
void append_sealed(std::string& out, const uuid& subject, std::int32_t version, const ciphered& value)
{
    out += sealed_begins;
    out += subject.text();
    out += "\",\"k\":";
    out += std::to_string(version);
    out += ",\"n\":\"";
    out += schema::base64({value.nonce.data(), value.nonce.size()});
    out += "\",\"c\":\"";
    out += schema::base64(value.text);
    out += "\"}}";
}
}  // namespace

void create_master_key(const std::filesystem::path& file)
{
    const int opened = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (opened < 0)
        throw std::system_error{errno, std::generic_category(), "creating the master key file " + file.string()};
    std::string text = schema::hex(secret_key::random().bytes()) + '\n';
    const bool written =
        ::write(opened, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(opened) == 0;
    const int problem = errno;
    OPENSSL_cleanse(text.data(), text.size());
    ::close(opened);
    if (!written)
        throw std::system_error{problem, std::generic_category(), "writing the master key file " + file.string()};
}

keyring::keyring(keyring_config config) : self_(std::make_unique<implementation>(config)) {}
keyring::~keyring() = default;

keyring::held keyring::hold() const
{
    struct one
    {
        explicit one(implementation& of) : ring(of), began(of.begin_hold()) {}
        one(const one&) = delete;
        one& operator=(const one&) = delete;
        ~one() { ring.end_hold(began); }

        implementation& ring;
        const std::uint64_t began;
    };
    return std::make_shared<const one>(*self_);
}

std::string keyring::make_tenant_key(const uuid& tenant)
{
    return wrap(self_->wrapping, of_tenant(tenant), secret_key::random().bytes());
}

void keyring::learn_tenant(const tenant_entry& entry)
{
    if (entry.tenant == platform_tenant)
        return;
    tenant_keys keys{unwrap(self_->wrapping, of_tenant(entry.tenant), entry.wrapped_key)};
    const std::lock_guard lock{self_->mutex};
    self_->tenants.put(entry.tenant, std::move(keys));
}

void keyring::learn_newborn(const tenant_entry& entry)
{
    tenant_keys keys{unwrap(self_->wrapping, of_tenant(entry.tenant), entry.wrapped_key)};
    const std::lock_guard lock{self_->mutex};
    if (self_->tenants.find(entry.tenant) == nullptr)
        self_->tenants.put(entry.tenant, std::move(keys));
}

bool keyring::knows_tenant(const uuid& tenant) const
{
    const std::lock_guard lock{self_->mutex};
    return tenant == platform_tenant || self_->tenants.find(tenant) != nullptr;
}

subject_key keyring::make_subject_key(const uuid& tenant, const uuid& subject)
{
    subject_key out{tenant, subject, 1, {}};
    out.wrapped =
        wrap(self_->of(tenant).wrapping, of_subject(tenant, subject, out.version), secret_key::random().bytes());
    return out;
}

void keyring::learn_subject(const subject_key& key)
{
    const tenant_keys tenant = self_->of(key.tenant);
    try
    {
        const secret_key clear = unwrap(tenant.wrapping, of_subject(key.tenant, key.subject, key.version), key.wrapped);
        const std::lock_guard lock{self_->mutex};
        subject_keys_held* known = self_->subjects.find({key.tenant, key.subject});
        if (known == nullptr)
            known = &self_->subjects.put({key.tenant, key.subject}, {});
        known->by_version.insert_or_assign(key.version, clear);
        known->is_damaged = false;
    }
    catch (const std::runtime_error&)
    {
        self_->mark_damaged(key.tenant, key.subject);
        throw;
    }
}

bool keyring::knows_subject(const uuid& tenant, const uuid& subject) const
{
    const std::lock_guard lock{self_->mutex};
    const subject_keys_held* known = self_->subjects.find({tenant, subject});
    return known != nullptr && !known->by_version.empty();
}

bool keyring::is_damaged(const uuid& tenant, const uuid& subject) const
{
    const std::lock_guard lock{self_->mutex};
    const subject_keys_held* known = self_->subjects.find({tenant, subject});
    return known != nullptr && known->is_damaged;
}

void keyring::forget_subject(const uuid& tenant, const uuid& subject)
{
    const std::lock_guard lock{self_->mutex};
    self_->subjects.put({tenant, subject}, {});
}

void keyring::learn_absent(const uuid& tenant, const uuid& subject)
{
    // A key that another thread learned meanwhile is newer than the look that found none.
    const std::lock_guard lock{self_->mutex};
    const subject_keys_held* known = self_->subjects.find({tenant, subject});
    if (known == nullptr || known->by_version.empty())
        self_->subjects.put({tenant, subject}, {});
}

// The key's version in four bytes, nonce, ciphertext, tag.
std::optional<std::string> keyring::seal_bytes(const uuid& tenant, const uuid& subject, std::string_view context,
                                               std::string_view clear) const
{
    const auto key = self_->newest(tenant, subject);
    if (!key)
        return std::nullopt;
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8)
        out.push_back(static_cast<char>(static_cast<std::uint32_t>(key->first) >> shift));
    return out += wrap(key->second, of_bytes(tenant, subject, context), clear);
}

std::optional<std::string> keyring::open_bytes(const uuid& tenant, const uuid& subject, std::string_view context,
                                               std::string_view sealed) const
{
    constexpr std::size_t version_bytes = 4;
    if (sealed.size() < version_bytes + nonce_bytes)
        return std::nullopt;
    std::uint32_t version = 0;
    for (std::size_t i = 0; i < version_bytes; ++i)
        version = version << 8 | static_cast<unsigned char>(sealed[i]);
    const auto key = self_->of_version(tenant, subject, static_cast<std::int32_t>(version));
    if (!key)
        return std::nullopt;
    return decrypt(*key, of_bytes(tenant, subject, context), sealed.substr(version_bytes, nonce_bytes),
                   sealed.substr(version_bytes + nonce_bytes));
}

claim_hash keyring::hash_claim(const uuid& tenant, std::string_view scope, std::string_view folded_value) const
{
    using namespace std::string_view_literals;
    return schema::hmac_sha256(self_->of(tenant).claims.bytes(), joined({scope, "\0"sv, folded_value}));
}

claim_hash keyring::hash_request(const uuid& tenant, std::string_view canonical) const
{
    return schema::hmac_sha256(self_->of(tenant).requests.bytes(), canonical);
}

namespace
{
template <class Ring>
class event_sealer final : public schema::sealer
{
public:
    event_sealer(Ring& ring, const uuid& tenant, const uuid& event, std::span<const subject_key> fresh)
        : ring_(ring), tenant_(tenant), event_id_(event)
    {
        for (const subject_key& key : fresh)
            if (key.tenant == tenant)
                fresh_.emplace(key.subject, std::pair{key.version, unwrap(ring.of(tenant).wrapping,
                                                                          of_subject(tenant, key.subject, key.version),
                                                                          key.wrapped)});
    }

    void seal(const uuid& subject, std::string_view pointer, std::string_view clear, std::string& out) override
    {
        const auto made = fresh_.find(subject);
        const auto key = made != fresh_.end() ? std::optional{made->second} : ring_.newest(tenant_, subject);
        if (!key)
            throw std::logic_error{"no key to seal a value with was learned or made"};
        append_sealed(out, subject, key->first, encrypt(key->second, of_value(tenant_, event_id_, pointer), clear));
    }

private:
    Ring& ring_;
    uuid tenant_;
    uuid event_id_;
    std::map<uuid, std::pair<std::int32_t, secret_key>> fresh_;
};

template <class Ring>
class event_opener final : public schema::opener
{
public:
    event_opener(Ring& ring, const uuid& tenant, const uuid& event) : ring_(ring), tenant_(tenant), event_id_(event) {}

    std::optional<std::string> open(const schema::sealed_value& value, std::string_view pointer) override
    {
        const auto key = find(value);
        if (!key)
            return std::nullopt;
        const auto nonce = schema::from_base64(value.nonce);
        const auto text = schema::from_base64(value.ciphertext);
        auto clear = nonce && text ? decrypt(*key, of_value(tenant_, event_id_, pointer), *nonce, *text) : std::nullopt;
        if (!clear)
            throw std::runtime_error{"a sealed value is forged, moved or damaged"};
        return clear;
    }

private:
    // Nothing: forgotten. A key that was never learned is a mistake of the caller, never "forgotten".
    std::optional<secret_key> find(const schema::sealed_value& value)
    {
        const std::lock_guard lock{ring_.mutex};
        const subject_keys_held* known = ring_.subjects.find({tenant_, value.subject});
        if (known == nullptr)
            throw std::logic_error{"a subject's key was neither learned nor found absent"};
        const auto version = known->by_version.find(value.key_version);
        if (version != known->by_version.end())
            return version->second;
        if (known->is_damaged)
            throw std::runtime_error{"a subject's key is damaged"};
        if (known->by_version.empty())
            return std::nullopt;
        throw std::runtime_error{"a sealed value names a version of its key that there is not"};
    }

    Ring& ring_;
    uuid tenant_;
    uuid event_id_;
};

void find_subjects(std::string_view text, std::set<uuid>& found)
{
    for (std::size_t at = text.find(sealed_begins); at != std::string_view::npos; at = text.find(sealed_begins, at + 1))
        if (const auto id = uuid::parse(text.substr(at + sealed_begins.size(), uuid_text_bytes)))
            found.insert(*id);
}
}  // namespace

std::unique_ptr<schema::sealer> keyring::sealer_for(const uuid& tenant, const uuid& event,
                                                    std::span<const subject_key> fresh) const
{
    return std::make_unique<event_sealer<implementation>>(*self_, tenant, event, fresh);
}

std::unique_ptr<schema::opener> keyring::opener_for(const uuid& tenant, const uuid& event) const
{
    return std::make_unique<event_opener<implementation>>(*self_, tenant, event);
}

std::vector<uuid> subjects_in(std::span<const recorded> events)
{
    std::set<uuid> found;
    for (const recorded& event : events)
    {
        find_subjects(event.data, found);
        find_subjects(event.meta, found);
    }
    return {found.begin(), found.end()};
}
}  // namespace event_log
