// The admin listener's application: /livez, /readyz, /startupz, /metrics, and the operators' /api/admin.
//
// Runs on its own thread and io_context, so that it answers when everything else is stuck. Nothing here blocks or takes
// a lock that a request of the public API could hold for long. It has no keys of its own: it listens where only the
// operator reaches it, and everything under /api/admin asks for an operator's key. Every answer names its request in
// X-Request-Id, as the public API's do.
#pragma once

#include "http/server/message.hpp"
#include "http/server/metrics.hpp"
#include "http/server/operations.hpp"
#include "http/server/service.hpp"
#include "schemas/time.hpp"
#include "schemas/uuid.hpp"

#include <atomic>
#include <functional>
#include <string>
#include <vector>

namespace http
{
struct admin_parts
{
    std::string version;
    std::function<std::vector<readiness>()> checks;
    std::vector<std::function<void(metrics_text&)>> figures;
    operations* desk = nullptr;  // what lies under /api/admin; nothing: 404
};

class admin final : public application
{
public:
    admin(admin_parts parts, const schema::clock& clock) : parts_(std::move(parts)), clock_(clock) {}

    enum class phase
    {
        starting,
        ready,
        draining
    };
    void enter(phase now) { phase_ = now; }  // any thread

    next on_head(exchange&) override;
    next on_body(exchange&) override;
    void on_answer(exchange&, double seconds) override;
    void on_refused(exchange&, int status, std::string_view code, std::string_view detail,
                    std::string_view peer) override;
    void on_exception(exchange&, std::string_view what) override;

private:
    void begin(exchange&, std::string_view sent_id);
    void answer_readiness(reply&);
    void answer_metrics(reply&);

    const admin_parts parts_;
    const schema::clock& clock_;
    std::atomic<phase> phase_{phase::starting};
};
}  // namespace http
