// A load of creates on the lane writers, noted in an op log.
#pragma once

#include "tests/kit/lanes/site.hpp"
#include "tests/kit/op_log.hpp"

#include <atomic>
#include <thread>
#include <vector>

namespace kit
{
// Threads that create things, one after another, until stopped. An operation is tried again with its key while it is
// told that the store is away; every third gives up at the first answer.
class load
{
public:
    load(site&, office&, const schema::uuid& tenant, op_log&, int threads, std::chrono::milliseconds deadline);
    ~load();  // stops

    void stop();
    std::size_t answered() const { return answered_; }

private:
    void work(int thread);
    op_log::outcome try_once(const std::string& operation, const schema::uuid& id);

    site& site_;
    office& office_;
    const schema::uuid tenant_;
    op_log& log_;
    const std::chrono::milliseconds deadline_;
    std::atomic<bool> stopping_{false};
    std::atomic<std::size_t> answered_{0};
    std::vector<std::thread> threads_;
};

// What an answer to a create means for the op log.
op_log::outcome outcome_of(const lanes::answer&);
}  // namespace kit
