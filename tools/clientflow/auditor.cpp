// See auditor.hpp.
#include "tools/clientflow/auditor.hpp"

#include "tools/clientflow/completeness.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <pthread.h>
#include <thread>
#include <utility>

namespace cli
{
namespace
{
using steady = std::chrono::steady_clock;

constexpr std::chrono::seconds stopped_every{10};
}  // namespace

struct auditor::implementation
{
    implementation(const settings& given, event_log::keyring& ring, std::shared_ptr<event_log::watchdog> dog,
                   const schema::clock& time, std::function<void(bool, const std::string&)> teller)
        : of(given.audit), work(given, ring, std::move(dog)), clock(time), tell(std::move(teller))
    {}

    bool stopped_within(std::chrono::milliseconds time)
    {
        std::unique_lock lock{mutex};
        return changed.wait_for(lock, time, [&] { return stopping; });
    }

    void look_at_stopped()
    {
        if (steady::now() < next_stopped)
            return;
        const auto now = work.stopped();
        auto building = work.builds();
        next_stopped = steady::now() + stopped_every;
        const std::lock_guard lock{mutex};
        figures.stopped = now;
        figures.building = std::move(building);
    }

    // Rests so long that the steps are a small share of the time.
    bool go_on()
    {
        look_at_stopped();
        const auto took = steady::now() - step_begun;
        const auto rest = took * (100 - of.share_percent) / std::max<std::int64_t>(of.share_percent, 1);
        const bool goes_on = !stopped_within(std::chrono::duration_cast<std::chrono::milliseconds>(rest));
        step_begun = steady::now();
        return goes_on;
    }

    void run()
    {
        ::pthread_setname_np(::pthread_self(), "audit");
        auto pause = of.first_after;
        while (!stopped_within(pause))
        {
            pause = of.every;
            try
            {
                step_begun = steady::now();
                keep(work.pass({}, [this] { return go_on(); }));
            }
            catch (const std::exception& fault)
            {
                const std::lock_guard lock{mutex};
                ++figures.failures;
                last_fault = fault.what();
            }
            if (!last_fault.empty())
                tell(false, std::exchange(last_fault, {}));
        }
    }

    void keep(const completeness_report& seen)
    {
        if (!seen.is_finished)
            return;
        for (const auto& each : seen.findings)
            tell(true, each.text());
        const std::lock_guard lock{mutex};
        figures.differences = seen.differences;
        ++figures.passes;
        figures.last_pass = clock.now();
        for (const auto& tenant : seen.tenants)
            for (const auto& model : tenant.models)
                figures.events += model.events;
    }

    const audit_config of;
    completeness work;
    const schema::clock& clock;
    const std::function<void(bool, const std::string&)> tell;
    steady::time_point step_begun{};  // the thread's own, as below
    steady::time_point next_stopped{};
    std::string last_fault;

    mutable std::mutex mutex;
    std::condition_variable changed;
    bool stopping = false;  // guarded by mutex, as below
    audit_figures figures;

    std::thread thread;  // last: runs over all of the above
};

auditor::auditor(const settings& of, event_log::keyring& keys, std::shared_ptr<event_log::watchdog> guard,
                 const schema::clock& clock, std::function<void(bool, const std::string&)> tell)
    : self_(std::make_unique<implementation>(of, keys, std::move(guard), clock, std::move(tell)))
{
    self_->thread = std::thread{[self = self_.get()] { self->run(); }};
}

auditor::~auditor()
{
    {
        const std::lock_guard lock{self_->mutex};
        self_->stopping = true;
    }
    self_->changed.notify_all();
    self_->thread.join();
}

audit_figures auditor::take() const
{
    const std::lock_guard lock{self_->mutex};
    return self_->figures;
}
}  // namespace cli
