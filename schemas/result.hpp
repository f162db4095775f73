// A value or the reason why there is none. Refusals and faulty input travel as values; a failing world is an exception.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace schema
{
// One thing that is wrong with an input. `where` is "#/a/0/b" in a body, or the name of a parameter or header.
struct fault
{
    enum class place
    {
        pointer,
        parameter,
        header
    };
    place in = place::pointer;
    std::string where;
    std::string_view code;  // stable: "required", "unknown", "too_long", …
    std::string message;    // one sentence for people, without the value
};

using faults = std::vector<fault>;

template <class T, class E>
class result
{
public:
    result(T value) : held_(std::in_place_index<0>, std::move(value)) {}
    result(E error) : held_(std::in_place_index<1>, std::move(error)) {}

    explicit operator bool() const { return held_.index() == 0; }
    T& operator*() & { return std::get<0>(held_); }
    const T& operator*() const& { return std::get<0>(held_); }
    T&& operator*() && { return std::get<0>(std::move(held_)); }
    T* operator->() { return &std::get<0>(held_); }
    const T* operator->() const { return &std::get<0>(held_); }
    E& error() & { return std::get<1>(held_); }
    const E& error() const& { return std::get<1>(held_); }
    E&& error() && { return std::get<1>(std::move(held_)); }

private:
    std::variant<T, E> held_;
};
}  // namespace schema
