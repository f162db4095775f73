// Versions that are retired or shown under a runner: it goes on with those that are to be fed, and nothing has failed.
#include "projections/task.hpp"
#include "tests/kit/projections/swap.hpp"
#include "tests/kit/projections/world.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

using namespace projection_tests;
using kind = projection::report::kind;

namespace
{
const projection::definition* const of_task = &task::read_model();

projection::version_store open_versions(world& in)
{
    projection::version_store made{in.rows()};
    made.open();
    return made;
}

// A feed that says when its reader has nothing more to do: by then a runner has looked around.
class resting_feed : public event_feed::feed
{
public:
    resting_feed(std::unique_ptr<event_feed::feed> real, std::function<void()> rests)
        : real_(std::move(real)), rests_(std::move(rests))
    {}
    std::vector<event_log::recorded> read(std::span<const position> after, std::size_t events_max) override
    {
        return real_->read(after, events_max);
    }
    std::vector<position> heads(std::span<const std::int32_t> lanes) override { return real_->heads(lanes); }
    void wait() override
    {
        rests_();
        real_->wait();
    }
    void wake() override { real_->wake(); }

private:
    const std::unique_ptr<event_feed::feed> real_;
    const std::function<void()> rests_;  // called on the runner's thread
};

// A runner that leaves it to its failures to learn of other versions, unless it is told to look around.
class watched
{
public:
    // `first_rest` is called on the runner's thread.
    explicit watched(
        world& in, const std::function<void(projection::runner_config&)>& adjust = [](auto&) {},
        std::function<void()> first_rest = {})
        : first_rest_(std::move(first_rest))
        , in_(in)
        , runner_(configured(adjust), projection::read_models(), *in.keys, reached_, in.clock)
    {
        runner_.start();
    }
    ~watched() { runner_.stop(); }

    void catch_up()
    {
        const auto heads = in_.heads();
        runner_.wake();
        REQUIRE(reached_.wait_until(heads, std::chrono::steady_clock::now() + std::chrono::seconds{30}));
        const int until = rests_ + 1;
        runner_.wake();
        kit::await("it rests", [&] { return rests_ >= until; });
    }

    // Of one kind, in their order.
    std::vector<std::string> told(kind what)
    {
        const std::lock_guard lock{mutex_};
        std::vector<std::string> texts;
        for (const auto& each : reports_)
            if (each.what == what)
                texts.push_back(each.text);
        return texts;
    }

    std::uint64_t failures() const { return runner_.take().failures; }
    std::uint64_t lost_races() const { return runner_.take().lost_races; }

private:
    const std::function<void()> first_rest_;

    projection::runner_config configured(const std::function<void(projection::runner_config&)>& adjust)
    {
        auto config = in_.runner(in_.room.path() / "cache");
        config.heads_every = std::chrono::hours{1};
        config.projector.tell = [this](const projection::report& said) {
            const std::lock_guard lock{mutex_};
            reports_.push_back(said);
        };
        config.feed = [this] {
            return std::make_unique<resting_feed>(in_.feed(), [this] {
                if (rests_ == 0 && first_rest_)
                    first_rest_();
                ++rests_;
            });
        };
        adjust(config);
        return config;
    }

    world& in_;
    std::atomic<int> rests_{0};
    std::mutex mutex_;
    std::vector<projection::report> reports_;  // guarded by mutex_
    projection::positions reached_;
    projection::runner runner_;
};

void with_leases(world& in, projection::runner_config& config)
{
    config.leases.emplace();
    config.leases->connection = in.connection();
    config.leases->guard = in.watchdog;
    config.leases->beat = std::chrono::milliseconds{100};
}

const std::vector<std::string> nothing, gone{"task version 2 is fed no more"};
}  // namespace

TEST_CASE("a version that is retired under a runner is no failure of its: it goes on without, and says so once")
{
    world in;
    random_history(in, 61);
    in.rebuild({&of_task, 1});
    watched it{in};
    it.catch_up();
    open_versions(in).retire(*of_task, 2, "a test");
    random_history(in, 62);
    it.catch_up();
    CHECK(it.told(kind::versions) == gone);
    CHECK(it.told(kind::failed) == nothing);
    CHECK(it.failures() == 0);
    CHECK(in.verified().different == 0);
}

TEST_CASE("a version whose rows are removed under a runner is no failure of its, either")
{
    world in;
    random_history(in, 63);
    in.rebuild({&of_task, 1});
    watched it{in};
    it.catch_up();
    auto versions = open_versions(in);
    versions.retire(*of_task, 2, "a test");
    versions.remove_retired(*of_task, 2);
    random_history(in, 64);
    it.catch_up();
    CHECK(it.told(kind::versions) == gone);
    CHECK(it.told(kind::failed) == nothing);
    CHECK(it.failures() == 0);
    CHECK(in.verified().different == 0);
}

TEST_CASE("a version that is retired while its runner takes lanes is no failure of its")
{
    world in;
    random_history(in, 65);
    in.rebuild({&of_task, 1});
    // Leases come after the first look around.
    watched it{in, [&](projection::runner_config& config) { with_leases(in, config); },
               [&] { open_versions(in).retire(*of_task, 2, "a test"); }};
    it.catch_up();
    CHECK(it.told(kind::versions) == gone);
    CHECK(it.told(kind::failed) == nothing);
    CHECK(it.lost_races() == 1);  // and not every lane again and again
    CHECK(in.verified().different == 0);
}

TEST_CASE("versions that are shown and taken back under a runner are no failure of its, and it says what is shown")
{
    world in;
    random_history(in, 66);
    in.rebuild({&of_task, 1});
    watched it{in, [&](projection::runner_config& config) {
                   with_leases(in, config);
                   config.heads_every = std::chrono::milliseconds{10};
               }};
    it.catch_up();
    auto versions = open_versions(in);
    const auto show = [&](int number, const std::string& said) {
        random_history(in, 66 + static_cast<std::uint32_t>(number));
        it.catch_up();
        CHECK(swap(versions, "task", number) != number);
        random_history(in, 70 + static_cast<std::uint32_t>(number));
        kit::await("it says so", [&] {
            const auto told = it.told(kind::versions);
            return !told.empty() && told.back() == said;
        });
        it.catch_up();
    };
    show(2, "task version 1 is former, task version 2 is live");
    show(1, "task version 1 is live, task version 2 is former");
    CHECK(it.told(kind::versions).size() == 2);
    CHECK(it.told(kind::failed) == nothing);
    CHECK(it.failures() == 0);
    CHECK(in.verified().different == 0);
}

TEST_CASE("what fails although the versions stand as they stood is told as ever")
{
    world in;
    random_history(in, 67);
    watched it{in};
    it.catch_up();
    in.db.run("alter table read.task rename to task_away");
    random_history(in, 68);
    kit::await("it fails", [&] { return it.failures() > 0; });
    CHECK_FALSE(it.told(kind::failed).empty());
    in.db.run("alter table read.task_away rename to task");
    it.catch_up();
    CHECK(it.told(kind::versions) == nothing);
    CHECK(in.verified().different == 0);
}
