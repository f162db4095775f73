// A client that reads the lists of several organisations without end, from server after server: pages to the last one,
// and the whole as CSV. Servers and database may be away meanwhile; what is answered must be right all the same.
//
// The thread that made it starts and stops it, and reads what it saw afterwards.
#pragma once

#include "tests/kit/scenario/caller.hpp"
#include "tests/kit/scenario/findings.hpp"
#include "tests/kit/scenario/site.hpp"

#include <atomic>
#include <cstdint>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace scenario
{
class onlooker
{
public:
    onlooker(std::vector<std::uint16_t> ports, std::vector<organisation> of);
    ~onlooker();
    void stop();

    // Once stopped: every list was whole and without repetition, or refused as promised, and named nothing that is not
    // the organisation's own.
    findings check(const site&) const;

private:
    void run();
    void read_csv(caller&, std::size_t whose);
    void read_pages(caller&, std::size_t whose);
    bool is_list(const answer&);
    void see(const std::string& text, std::size_t whose, std::vector<std::string>& ids);

    const std::vector<std::uint16_t> ports_;
    const std::vector<organisation> of_;
    std::atomic<bool> stopping_{false};
    // Its thread's until it is stopped.
    std::vector<std::set<std::string>> seen_;  // task ids, by organisation
    findings told_;
    std::thread thread_;
};

// The ids of all tasks of an organisation, as the log has them.
std::set<std::string> tasks_in_log(const site&, const organisation&);
// All task_… ids in a text, in its order.
std::vector<std::string> tasks_in(const std::string& text, const std::string& before);
}  // namespace scenario
