// See journal.hpp. The only file that includes spdlog.
#include "tools/clientflow/journal.hpp"

#include "schemas/json_writer.hpp"
#include "schemas/time.hpp"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cmath>
#include <unistd.h>

namespace cli
{
namespace
{
constexpr std::size_t lines_waiting_max = 8'192;

spdlog::level::level_enum level_named(const std::string& name)
{
    if (name == "debug")
        return spdlog::level::debug;
    if (name == "warning")
        return spdlog::level::warn;
    return name == "error" ? spdlog::level::err : spdlog::level::info;
}

std::string_view word(spdlog::level::level_enum level)
{
    if (level == spdlog::level::err)
        return "error";
    return level == spdlog::level::warn ? "warning" : level == spdlog::level::debug ? "debug" : "info";
}

// A line of text stays one line.
std::string one_line(std::string_view text)
{
    std::string made{text};
    for (auto& c : made)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            c = ' ';
    return made;
}
}  // namespace

struct server_journal::implementation
{
    log_config config;
    bool json = true;
    std::shared_ptr<spdlog::details::thread_pool> writer;
    std::shared_ptr<spdlog::async_logger> out;
    schema::system_clock clock;

    void line(spdlog::level::level_enum level, const std::string& text) { out->log(level, "{}", text); }

    void member(schema::json_writer& json_line, std::string_view name, std::string_view value)
    {
        if (!value.empty())
            json_line.member(name, value);
    }

    std::string as_json(spdlog::level::level_enum level, const http::access_line& l)
    {
        std::string text;
        schema::json_writer made{text};
        made.begin_object()
            .member("ts", clock.now().text())
            .member("level", word(level))
            .member("event", "http.access");
        member(made, "request_id", l.request_id);
        member(made, "traceparent", l.traceparent);
        made.member("method", l.method).member("route", l.route).key("status").integer(l.status);
        member(made, "code", l.code);
        made.key("ms").number(std::round(l.seconds * 1e6) / 1e3);
        member(made, "tenant", l.tenant);
        member(made, "principal", l.principal);
        member(made, "network", l.network);
        made.key("bytes").integer(static_cast<std::int64_t>(l.answer_bytes)).end_object();
        return text;
    }

    std::string for_people(const http::access_line& l)
    {
        auto text = clock.now().text().substr(11, 12) + "  " + std::to_string(l.status) + ' ' + one_line(l.method) +
                    ' ' + one_line(l.route.empty() ? "(no route)" : l.route);
        if (!l.code.empty())
            text.append(" ").append(l.code);
        return text + "  " + std::to_string(static_cast<std::int64_t>(l.seconds * 1e3)) + " ms  " +
               one_line(l.request_id);
    }
};

server_journal::server_journal(const log_config& config) : self_(std::make_unique<implementation>())
{
    self_->config = config;
    self_->json = config.format == "json" || (config.format == "auto" && ::isatty(2) == 0);
    self_->writer = std::make_shared<spdlog::details::thread_pool>(lines_waiting_max, 1);
    self_->out = std::make_shared<spdlog::async_logger>("clientflow", std::make_shared<spdlog::sinks::stderr_sink_st>(),
                                                        self_->writer, spdlog::async_overflow_policy::overrun_oldest);
    self_->out->set_pattern("%v");
    self_->out->set_level(level_named(config.level));
    self_->out->flush_on(spdlog::level::debug);
}

server_journal::~server_journal() = default;

void server_journal::access(const http::access_line& l)
{
    const bool failed = l.status >= 500;
    const bool slow = l.seconds * 1e3 >= static_cast<double>(self_->config.slow_ms);
    if (self_->config.access == "none" || (self_->config.access == "notable" && !failed && !slow))
        return;
    const auto level = failed ? spdlog::level::err : slow ? spdlog::level::warn : spdlog::level::info;
    if (self_->out->should_log(level))
        self_->line(level, self_->json ? self_->as_json(level, l) : self_->for_people(l));
}

void server_journal::note(http::severity how, std::string_view event, std::string_view detail)
{
    const auto level = how == http::severity::error     ? spdlog::level::err
                       : how == http::severity::warning ? spdlog::level::warn
                                                        : spdlog::level::info;
    if (!self_->out->should_log(level))
        return;
    if (!self_->json)
    {
        self_->line(level,
                    self_->clock.now().text().substr(11, 12) + "  " + std::string{event} + "  " + one_line(detail));
        return;
    }
    std::string text;
    schema::json_writer made{text};
    made.begin_object().member("ts", self_->clock.now().text()).member("level", word(level)).member("event", event);
    made.member("detail", detail).end_object();
    self_->line(level, text);
}
}  // namespace cli
