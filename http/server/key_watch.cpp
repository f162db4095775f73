#include "http/server/key_watch.hpp"

namespace http
{
bool key_watch::is_good(std::chrono::steady_clock::time_point now)
{
    const auto is_good = [at = of_.now()](const credentials::answer& said) {
        return said.who && said.who->read && !(said.who->expires_at && *said.who->expires_at <= at);
    };
    if (looked_up_ && *looked_up_ < 0)
        return false;
    if (looked_up_ && *looked_up_ == 1)
        known_at_ = now;
    if (looked_up_ && *looked_up_ > 0)
        looked_up_ = nullptr;
    const auto said = of_.keys_of().find(digest_, now);
    if (said.what == credentials::verdict::known)
    {
        known_at_ = now;
        return is_good(said);
    }
    if (now - known_at_ > of_.config().key_trust_without_store)
        return false;
    if (said.what == credentials::verdict::absent)
        return false;
    if (looked_up_)
        return true;
    looked_up_ = std::make_shared<std::atomic<int>>(0);
    of_.keys_of().resolve(digest_, [box = looked_up_, is_good](const credentials::answer& found) {
        const bool is_known = found.what == credentials::verdict::known;
        *box = is_known && is_good(found) ? 1 : found.what == credentials::verdict::unavailable ? 2 : -1;
    });
    return true;
}
}  // namespace http
