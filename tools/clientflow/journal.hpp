// The server's log: JSON lines on standard error, readable lines when that is a terminal.
//
// One object per process, made by `serve`; everybody else is handed the interface of http/server/journal.hpp, or calls
// `note`. Lines are handed to a thread of their own and written there: nobody waits for a slow reader, and when it
// falls far behind the oldest lines are dropped. Nothing secret or personal ever reaches it, by the types of what it is
// given.
#pragma once

#include "http/server/journal.hpp"
#include "tools/clientflow/settings.hpp"

#include <memory>

namespace cli
{
class server_journal final : public http::journal
{
public:
    explicit server_journal(const log_config&);
    ~server_journal() override;  // writes what is left

    void access(const http::access_line&) override;
    void note(http::severity, std::string_view event, std::string_view detail) override;

private:
    struct implementation;
    std::unique_ptr<implementation> self_;
};
}  // namespace cli
