#include "http/server/metrics.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace http
{
namespace
{
void append_value(std::string& out, double value)
{
    if (std::isnan(value))
        out += "NaN";
    else if (std::isinf(value))
        out += value > 0 ? "+Inf" : "-Inf";
    else
    {
        char text[32];
        out.append(text, std::to_chars(text, text + sizeof text, value).ptr);
    }
}

void append_escaped(std::string& out, std::string_view value)
{
    for (const char c : value)
    {
        if (c == '\\' || c == '"')
            out += '\\';
        if (c == '\n')
            out += "\\n";
        else
            out += c;
    }
}
}  // namespace

void metrics_text::family(std::string_view name, std::string_view type, std::string_view help)
{
    name_ = name;
    text_.append("# HELP ").append(name).append(" ").append(help).append("\n");
    text_.append("# TYPE ").append(name).append(" ").append(type).append("\n");
}

void metrics_text::line(std::string_view suffix, labels with, std::string_view le, double value)
{
    text_.append(name_).append(suffix);
    bool first = true;
    const auto add = [&](std::string_view name, std::string_view text) {
        text_ += first ? '{' : ',';
        first = false;
        text_.append(name).append("=\"");
        append_escaped(text_, text);
        text_ += '"';
    };
    for (const auto& [name, text] : with)
        add(name, text);
    if (!le.empty())
        add("le", le);
    if (!first)
        text_ += '}';
    text_ += ' ';
    append_value(text_, value);
    text_ += '\n';
}

void metrics_text::sample(labels with, double value) { line("", with, {}, value); }

void metrics_text::histogram(labels with, std::span<const double> bounds, std::span<const std::uint64_t> counts,
                             double sum)
{
    std::uint64_t so_far = 0;
    for (std::size_t i = 0; i < counts.size(); ++i)
    {
        so_far += counts[i];
        std::string le;
        append_value(le, i < bounds.size() ? bounds[i] : HUGE_VAL);
        line("_bucket", with, le, static_cast<double>(so_far));
    }
    line("_sum", with, {}, sum);
    line("_count", with, {}, static_cast<double>(so_far));
}

void duration_histogram::count(double seconds)
{
    const auto bucket = std::lower_bound(duration_bounds.begin(), duration_bounds.end(), seconds);
    buckets_[static_cast<std::size_t>(bucket - duration_bounds.begin())].fetch_add(1, std::memory_order_relaxed);
    sum_us_.fetch_add(static_cast<std::uint64_t>(seconds * 1e6), std::memory_order_relaxed);
}

void duration_histogram::write(metrics_text& text, labels with) const
{
    std::array<std::uint64_t, duration_bounds.size() + 1> counts{};
    for (std::size_t i = 0; i < counts.size(); ++i)
        counts[i] = buckets_[i].load(std::memory_order_relaxed);
    text.histogram(with, duration_bounds, counts, static_cast<double>(sum_us_.load(std::memory_order_relaxed)) / 1e6);
}

void route_metrics::count(std::size_t route, int status, double seconds)
{
    const auto of = static_cast<std::size_t>(std::clamp(status / 100, 1, 5) - 1);
    per_route_[route].by_class[of].count(seconds);
    per_route_[route].used[of].store(true, std::memory_order_relaxed);
}

bool route_metrics::is_used(std::size_t route, std::size_t status_class) const
{
    return per_route_[route].used[status_class].load(std::memory_order_relaxed);
}
}  // namespace http
