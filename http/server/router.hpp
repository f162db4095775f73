// From a path to its routes: a tree of path segments built once from the nouns' tables. Immutable afterwards, and then
// used by all threads.
#pragma once

#include "http/server/route.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace http
{
class router
{
public:
    // Every table must stay alive. Two routes with one method and pattern, or one operationId, are an assertion.
    explicit router(std::span<const std::span<const route>> tables);

    struct match
    {
        const route* found = nullptr;  // nullptr with `known_path`: 405
        std::uint32_t number = 0;      // of the route, for metrics
        bool known_path = false;
        std::array<std::string_view, 2> ids{};  // views into the path given
        std::string_view allow;                 // for Allow, with HEAD and OPTIONS
        bool patchable = false;
    };

    // HEAD finds what GET finds.
    match find(verb, std::string_view path) const;

    std::span<const route* const> routes() const { return routes_; }

private:
    struct node
    {
        std::vector<std::pair<std::string, std::uint32_t>> children;
        std::uint32_t any = 0;  // the child that takes every segment; 0: none
        std::array<std::int32_t, 8> by_verb{-1, -1, -1, -1, -1, -1, -1, -1};
        std::string allow;
        bool patchable = false;
    };

    std::uint32_t child(std::uint32_t of, std::string_view segment);
    void add(const route&);

    std::vector<node> nodes_{1};
    std::vector<const route*> routes_;
};
}  // namespace http
