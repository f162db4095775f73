// `clientflow serve`: the server, until it is asked to stop.
#include "schemas/json_writer.hpp"
#include "tools/clientflow/dsn.hpp"
#include "tools/clientflow/engine.hpp"
#include "tools/clientflow/start_checks.hpp"

#include <CLI/CLI.hpp>

#include <charconv>
#include <csignal>
#include <cstdint>
#include <ctime>
#include <future>
#include <iostream>
#include <unistd.h>

namespace cli
{
namespace
{
struct wishes
{
    std::string roles;
    std::string address;
    std::string port;
    std::string admin_port;
};

// Told under the flag's own name: the setting that it stands for was not written by anybody.
void want_port(const char* flag, const std::string& value)
{
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), port);
    if (!value.empty() && (error != std::errc{} || end != value.data() + value.size()))
        throw failure(usage, "bad_setting",
                      std::string{flag} + " must be an integer from 0 to 65535 (0: any free port)");
}

settings read(const program& chosen, const wishes& given)
{
    want_port("--port", given.port);
    want_port("--admin-port", given.admin_port);
    // The flags of serve are short for settings.
    auto common = chosen.given;
    const auto set = [&](const char* name, const std::string& value) {
        if (!value.empty())
            common.set.push_back(std::string{name} + '=' + value);
    };
    set("roles", given.roles);
    set("http.address", given.address);
    set("http.port", given.port);
    set("admin.port", given.admin_port);
    return read_settings(common);
}

// Flags with which other commands read what this one was given; the environment and the file they read themselves.
std::vector<std::string> flags_of(const common_options& given)
{
    std::vector<std::string> made;
    for (const auto& [flag, value] :
         {std::pair{"--data", &given.data}, std::pair{"--dsn", &given.dsn}, std::pair{"--dsn-file", &given.dsn_file}})
        if (*value)
            made.insert(made.end(), {flag, **value});
    for (const auto& each : given.set)
        made.insert(made.end(), {"--set", each});
    return made;
}

void announce(const program& chosen, const engine& running, server_journal& journal, double seconds)
{
    const auto url = "http://127.0.0.1:" + std::to_string(running.port());
    const auto admin = "http://127.0.0.1:" + std::to_string(running.admin_port());
    journal.note(http::severity::info, "ready", url + " admin " + admin + " after " + std::to_string(seconds) + " s");
    if (!chosen.given.json)
        return;
    std::string out;
    schema::json_writer json{out};
    json.begin_object().member("url", url).member("admin_url", admin).key("pid").integer(::getpid()).end_object();
    std::cout << out << std::endl;
}

// Waits for SIGINT or SIGTERM, which are blocked in every thread.
void wait_for_signal(const sigset_t& signals)
{
    int got = 0;
    while (::sigwait(&signals, &got) != 0)
    {
    }
}

bool second_signal_within(const sigset_t& signals, std::chrono::milliseconds time)
{
    const timespec limit{time.count() / 1000, (time.count() % 1000) * 1'000'000};
    return ::sigtimedwait(&signals, nullptr, &limit) > 0;
}

// The first signal asks: what is under way is answered. A second one insists.
exit_status end(engine& running, server_journal& journal, const sigset_t& signals)
{
    journal.note(http::severity::info, "draining", "asked to stop");
    auto drained = std::async(std::launch::async, [&] { return running.drain(); });
    bool insisted = false;
    while (drained.wait_for(std::chrono::seconds{0}) != std::future_status::ready && !insisted)
        insisted = second_signal_within(signals, std::chrono::milliseconds{20});
    if (insisted)
    {
        journal.note(http::severity::warning, "stopping", "asked a second time");
        running.stop();
    }
    const bool all_answered = drained.get();
    running.stop();
    journal.note(http::severity::info, "stopped", all_answered ? "everything was answered" : "some was cut off");
    return done;
}

exit_status serve(const program& chosen, const wishes& given)
{
    const auto begun = std::chrono::steady_clock::now();
    // Before any thread exists, so that every thread inherits the mask and only this one takes the signals.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);

    auto of = read(chosen, given);
    const auto what = roles::read(of.roles);
    of.store.dsn = as_application(of.store.dsn);
    server_journal journal{of.log};
    refuse_to_start_unless_sound(of);

    engine running{of, what, journal, flags_of(chosen.given)};
    running.start();
    announce(chosen, running, journal, std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
    wait_for_signal(signals);
    return end(running, journal, signals);
}
}  // namespace

void add_serve(CLI::App& root, program& chosen)
{
    auto given = std::make_shared<wishes>();
    auto& verb = add_noun(root, "serve",
                          "Example: clientflow serve --data /var/lib/clientflow --roles api,projector\n\n"
                          "Runs until SIGTERM, then answers what is under way (25 s at most); a second signal insists. "
                          "tools/up prepares the data directory and starts this.");
    verb.add_option("--roles", given->roles, "api, projector (default: both)");
    verb.add_option("--address", given->address, "Of the API (default 127.0.0.1)");
    verb.add_option("--port", given->port, "Of the API (default 8080; 0: any free one)");
    verb.add_option("--admin-port", given->admin_port, "Of the admin listener (default 8081; 0: any free one)");
    verb.callback([&chosen, given] { chosen.run = [&chosen, given] { return serve(chosen, *given); }; });
}
}  // namespace cli
