// Counters of the server, and the text in which Prometheus reads them.
//
// `metrics_text` writes the exposition format 0.0.4; whoever has figures is handed one. `route_metrics` counts requests
// per route without a lock. Names are public and stay; labels never hold an id of anybody.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace http
{
using labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

class metrics_text
{
public:
    // Opens a family; its samples follow. `type`: "counter", "gauge" or "histogram".
    void family(std::string_view name, std::string_view type, std::string_view help);
    void sample(labels, double value);

    // `counts` per bucket, not cumulated, one more than `bounds` (the last is +Inf).
    void histogram(labels, std::span<const double> bounds, std::span<const std::uint64_t> counts, double sum);

    const std::string& text() const { return text_; }

private:
    void line(std::string_view suffix, labels, std::string_view le, double value);

    std::string text_;
    std::string name_;
};

// Upper bounds in seconds.
inline constexpr std::array<double, 12> duration_bounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                        0.1,   0.25,   0.5,   1.0,  2.5,   10.0};

class duration_histogram
{
public:
    void count(double seconds);  // any thread
    void write(metrics_text&, labels) const;

private:
    std::array<std::atomic<std::uint64_t>, duration_bounds.size() + 1> buckets_{};
    std::atomic<std::uint64_t> sum_us_{0};
};

class route_metrics
{
public:
    explicit route_metrics(std::size_t routes) : per_route_(routes) {}

    static constexpr std::array<std::string_view, 5> classes{"1xx", "2xx", "3xx", "4xx", "5xx"};

    void count(std::size_t route, int status, double seconds);
    const duration_histogram& of(std::size_t route, std::size_t status_class) const
    {
        return per_route_[route][status_class];
    }
    bool is_used(std::size_t route, std::size_t status_class) const;

private:
    struct slot
    {
        std::array<duration_histogram, 5> by_class;
        std::array<std::atomic<bool>, 5> used{};
        const duration_histogram& operator[](std::size_t i) const { return by_class[i]; }
    };
    std::vector<slot> per_route_;
};
}  // namespace http
