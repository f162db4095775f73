// What an outside client would write to say the same as the log: a list of writes in row order, with what must come
// first.
//
// Customers become clients, (customer, product) pairs projects, agents members, tickets tasks; each row becomes the
// writes that say the same. Every write has a key made of its row and step, and every created thing an id made of its
// name and time, so that playing the same log twice, wholly or in part, ends in the same state.
//
//     first row of a customer, pair, agent, ticket   create client, project (active), member, task
//     another customer or product                    move the task
//     another priority, service level, workgroup     patch priority and labels
//     Take in charge ticket                          patch assignee_ids to the agent, start
//     Wait                                           wait
//     Resolve ticket, Closed                         complete
//     any other activity                             a comment, but `Assign seriousness` and a first `Insert ticket`
//                                                    say no more than the patch and the create
//     any row but `Closed` after `Closed`, and a     reopen, before anything else
//     row that starts, waits or is assigned
//     seriousness after `Resolve ticket`
#pragma once

#include "tools/helpdesk/ticket_log.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace helpdesk
{
struct write
{
    std::string key;     // Idempotency-Key
    std::string method;  // POST or PATCH
    std::string target;  // path
    std::string body;
    std::size_t row = 0;
    std::vector<std::uint32_t> after;  // indices of writes that must have been answered before
};

// `Customer 63` of the log in the form of an id: the same for every run, distinct per kind and name.
std::string client_id(const row&);
std::string project_id(const row&);
std::string member_id(const row&);
std::string task_id(const row&);

std::vector<write> plan(const std::vector<row>&);
}  // namespace helpdesk
