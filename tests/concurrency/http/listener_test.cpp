// The server machine under ThreadSanitizer: several shards, many clients, answers woken from other threads, and an end
// in the middle of it all.
#include "http/server/limiter.hpp"
#include "http/server/listener.hpp"
#include "tests/kit/eventually.hpp"
#include "tests/kit/wire.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace
{
using kit::milliseconds;

// Hands every second request to one of two helper threads, which answer in their own time.
class handing_on final : public http::application
{
public:
    handing_on()
    {
        for (int i = 0; i < 2; ++i)
            helpers_.emplace_back([this] { help(); });
    }
    ~handing_on() override { end(); }

    void end()
    {
        {
            const std::lock_guard lock{mutex_};
            ended_ = true;
        }
        filled_.notify_all();
        for (std::thread& one : helpers_)
            if (one.joinable())
                one.join();
    }

    http::next on_head(http::exchange&) override { return http::next::proceed; }
    http::next on_body(http::exchange& x) override
    {
        const auto seen = std::make_shared<std::string>(x.in.path);
        if (count_++ % 2 == 0)
            return answer(x, *seen);
        x.then = [seen](http::exchange& later) { return answer(later, *seen); };
        {
            const std::lock_guard lock{mutex_};
            waiting_.push_back(x.wake);
        }
        filled_.notify_one();
        return http::next::parked;
    }
    void on_answer(http::exchange&, double) override { ++answered_; }
    void on_refused(http::exchange& x, int status, std::string_view, std::string_view, std::string_view) override
    {
        x.out.status = status;
    }
    void on_exception(http::exchange& x, std::string_view) override { x.out.status = 500; }
    int answered() const { return answered_; }

private:
    static http::next answer(http::exchange& x, const std::string& text)
    {
        x.out.content_type = "text/plain";
        x.out.body = text;
        return http::next::settled;
    }
    void help()
    {
        for (;;)
        {
            std::unique_lock lock{mutex_};
            filled_.wait(lock, [&] { return ended_ || !waiting_.empty(); });
            if (waiting_.empty())
                return;
            const auto wake = waiting_.front();
            waiting_.pop_front();
            lock.unlock();
            wake();
        }
    }

    std::mutex mutex_;
    std::condition_variable filled_;
    std::deque<http::waker> waiting_;  // guarded by mutex_
    bool ended_ = false;               // guarded by mutex_
    std::atomic<int> count_{0};
    std::atomic<int> answered_{0};
    std::vector<std::thread> helpers_;
};

http::listener_config three_shards()
{
    http::listener_config made;
    made.port = 0;
    made.shards = 3;
    return made;
}
}  // namespace

TEST_CASE("many clients on several shards get their own answers, in order, whoever gives them")
{
    handing_on app;
    http::listener listens{three_shards(), app};
    listens.start();
    std::atomic<int> wrong{0};
    std::vector<std::thread> clients;
    for (int c = 0; c < 8; ++c)
        clients.emplace_back([&, c] {
            kit::wire wire{listens.port()};
            for (int round = 0; round < 20; ++round)
            {
                for (int i = 0; i < 10; ++i)
                    wire.request("GET", "/" + std::to_string(c) + "/" + std::to_string(round * 10 + i));
                for (int i = 0; i < 10; ++i)
                    wrong += wire.read().body != "/" + std::to_string(c) + "/" + std::to_string(round * 10 + i);
            }
        });
    for (std::thread& one : clients)
        one.join();
    CHECK(wrong == 0);
    CHECK(app.answered() == 1'600);
    CHECK(listens.drain(milliseconds{5'000}));
    listens.stop();
}

TEST_CASE("an end in the middle of requests that others hold is an end")
{
    for (int round = 0; round < 5; ++round)
    {
        handing_on app;
        http::listener listens{three_shards(), app};
        listens.start();
        std::atomic<bool> stop{false};
        std::vector<std::thread> clients;
        for (int c = 0; c < 4; ++c)
            clients.emplace_back([&] {
                try
                {
                    kit::wire wire{listens.port()};
                    while (!stop)
                        wire.exchange("GET", "/x");
                }
                catch (const kit::wire_error&)
                {}
            });
        CHECK(kit::eventually([&] { return app.answered() > 50; }));
        listens.stop();
        stop = true;
        for (std::thread& one : clients)
            one.join();
    }
}

TEST_CASE("threads that share a limit never get more than it allows")
{
    http::gcra limiter;
    const auto now = std::chrono::steady_clock::now();
    std::atomic<int> allowed{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 1'000; ++i)
                allowed += limiter.take(600, now).allowed ? 1 : 0;
        });
    for (std::thread& one : threads)
        one.join();
    CHECK(allowed == 600);
}
