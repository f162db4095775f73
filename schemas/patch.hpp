// A member of a PATCH body: left alone, cleared, or given a new value.
//
// The three cases of RFC 7396 (JSON Merge Patch) as one plain value; `optional` could not tell the first two apart.
#pragma once

#include <optional>
#include <utility>

namespace schema
{
template <class T>
struct patch
{
    using value_type = T;

    patch() = default;
    patch(T value) : held_(std::move(value)), sent_(true) {}
    static patch null()
    {
        patch made;
        made.sent_ = true;
        return made;
    }

    bool is_absent() const { return !sent_; }
    bool is_null() const { return sent_ && !held_; }
    bool has_value() const { return held_.has_value(); }

    // Only when has_value().
    const T& value() const { return held_.value(); }
    T& value() { return held_.value(); }

    // What the member becomes: `now` when it was left alone.
    std::optional<T> over(std::optional<T> now) const { return sent_ ? held_ : std::move(now); }

    void clear()
    {
        held_.reset();
        sent_ = true;
    }
    T& emplace()
    {
        sent_ = true;
        return held_.emplace();
    }

    friend bool operator==(const patch&, const patch&) = default;

private:
    std::optional<T> held_;
    bool sent_ = false;
};
}  // namespace schema
