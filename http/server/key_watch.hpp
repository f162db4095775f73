// Whether the key that an answer began with is still good, asked again and again while a long answer goes on.
//
// A key that nobody could hold against the log lately is looked up; until the answer is there, it is good, and while
// the store cannot be asked it is good for `key_trust_without_store`. Serves one shard; never blocks.
#pragma once

#include "http/server/live.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

namespace http
{
class key_watch
{
public:
    // `of` outlives the object. The key was good at `now`.
    key_watch(live& of, std::string key_digest, std::chrono::steady_clock::time_point now)
        : of_(of), digest_(std::move(key_digest)), known_at_(now)
    {}

    bool is_good(std::chrono::steady_clock::time_point now);

private:
    live& of_;
    const std::string digest_;
    std::chrono::steady_clock::time_point known_at_;
    std::shared_ptr<std::atomic<int>> looked_up_;  // 0: under way, 1: good, 2: nobody can tell, -1: not good
};
}  // namespace http
