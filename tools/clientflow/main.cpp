// clientflow: one binary, every role of the server and every tool of its operator.
#include "events/log/store.hpp"
#include "schemas/json_writer.hpp"
#include "tools/clientflow/nearest.hpp"
#include "tools/clientflow/program.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cctype>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <poll.h>
#include <unistd.h>

namespace cli
{
namespace
{
volatile std::sig_atomic_t stop_signals = 0;
volatile std::sig_atomic_t second_signal_ends = 0;

void on_signal(int)
{
    stop_signals = stop_signals + 1;
    if (stop_signals > 1 && second_signal_ends != 0)
        ::_exit(interrupted);
}

constexpr const char* description =
    "Example: clientflow doctor --data /var/lib/clientflow\n\n"
    "ClientFlow, an event-sourced platform for client work: server and operator's tools.\n"
    "Settings: flags > CLIENTFLOW_* > DATA/clientflow.toml (see `config print --origin`).";

// How far the words lead into the tree of commands.
struct way
{
    const CLI::App* at;
    std::string name;                  // of `at`, as it is typed
    std::optional<std::string> stray;  // the first word that is no command where it stands
    std::size_t stray_at = 0;          // among the words; behind the last where there is none
};

way follow(const CLI::App& root, const std::vector<std::string>& words)
{
    way led{&root, root.get_name(), std::nullopt, words.size()};
    for (std::size_t i = 0; i < words.size(); ++i)
    {
        if (words[i].starts_with("-"))
        {
            const auto* option = root.get_option_no_throw(words[i].substr(0, words[i].find('=')));
            // A flag takes no value, whatever its type's size.
            if (option != nullptr && option->get_items_expected_max() > 0 && words[i].find('=') == std::string::npos)
                ++i;
            continue;
        }
        const auto known = led.at->get_subcommands(nullptr);
        const auto found = std::find_if(known.begin(), known.end(),
                                        [&](const CLI::App* each) { return each->get_name() == words[i]; });
        if (known.empty())
            break;
        if (found == known.end())
        {
            led.stray = words[i];
            led.stray_at = i;
            break;
        }
        led.at = *found;
        led.name += ' ' + words[i];
    }
    return led;
}

// The long names of what may be said here: the command's own and what is common to all.
std::vector<std::string> flags_at(const CLI::App* command)
{
    std::vector<std::string> names;
    for (; command != nullptr; command = command->get_parent())
        for (const auto* each : command->get_options())
            names.insert(names.end(), each->get_lnames().begin(), each->get_lnames().end());
    return names;
}

bool is_known(const CLI::App* command, const std::string& flag)
{
    while (command != nullptr && command->get_option_no_throw(flag) == nullptr)
        command = command->get_parent();
    return command != nullptr;
}

// What is wrong with the flags before a word that is no command; nothing when they are known where the way has led.
std::optional<std::string> no_flag(const way& led, const std::vector<std::string>& words)
{
    for (std::size_t i = 0; i < led.stray_at && words[i] != "--"; ++i)
    {
        const auto flag = words[i].substr(0, words[i].find('='));
        const auto dashes = flag.find_first_not_of('-');
        const bool is_flag =
            (dashes == 1 || dashes == 2) && std::isalpha(static_cast<unsigned char>(flag[dashes])) != 0;
        if (!is_flag || is_known(led.at, flag))
            continue;
        const auto meant = nearest(flags_at(led.at), std::string_view{flag}.substr(dashes));
        return "unknown flag \"" + flag + '"' +
               (meant ? "; did you mean \"--" + *meant + "\"?" : "; the flags are in `" + led.name + " --help`");
    }
    return std::nullopt;
}

std::string names_of(const std::vector<const CLI::App*>& commands)
{
    std::string names;
    for (const auto* each : commands)
        names += (names.empty() ? "" : ", ") + each->get_name();
    return names;
}

// What is wrong with the command that was typed, and how to go on; nothing when it is one.
std::optional<std::string> no_command(const way& led)
{
    const auto known = led.at->get_subcommands(nullptr);
    if (known.empty())
        return std::nullopt;
    const auto all = names_of(known) + " (see `" + led.name + " --help`)";
    if (!led.stray)
        return "\"" + led.name + "\" wants a command: " + all;
    const auto& word = *led.stray;
    std::vector<std::string> names;
    for (const auto* each : known)
        names.push_back(each->get_name());
    const auto sentence = "unknown command \"" + word + "\"";
    if (const auto meant = nearest(names, word))
        return sentence + "; did you mean \"" + *meant + "\"?";
    return sentence + "; the commands are " + all;
}

std::string_view title_of(exit_status status)
{
    switch (status)
    {
    case usage:
        return "Wrong usage";
    case not_found:
        return "Not found";
    case refused:
        return "Refused";
    case unreachable:
        return "Unreachable";
    case differences:
        return "Differences found";
    case interrupted:
        return "Interrupted";
    default:
        return "Failed";
    }
}

exit_status complain(bool json, exit_status status, std::string_view code, std::string_view detail)
{
    if (json)
    {
        std::string out;
        schema::json_writer writer{out};
        writer.begin_object().member("type", "/problems/" + std::string{code}).member("title", title_of(status));
        writer.member("detail", detail).member("code", code).key("exit").integer(status).end_object();
        std::cerr << out << '\n';
    }
    else
        std::cerr << "clientflow: " << printable(std::string{detail}) << '\n';
    return status;
}

exit_status guarded(const program& chosen)
{
    const bool json = chosen.given.json;
    try
    {
        const auto status = chosen.run();
        if (!std::cout.flush() || std::fflush(stdout) != 0)
            return complain(json, failed, "output_failed", "the output could not be written");
        return status;
    }
    catch (const failure& wrong)
    {
        return complain(json, wrong.status, wrong.code, wrong.what());
    }
    catch (const event_log::unreachable& wrong)
    {
        return complain(json, unreachable, "unavailable",
                        std::string{"the store cannot be reached: "} + wrong.what() + std::string{start_hint});
    }
    catch (const event_log::outcome_unknown& wrong)
    {
        return complain(json, unreachable, "unavailable",
                        std::string{"the store was lost in the middle, it is unknown whether this happened: "} +
                            wrong.what());
    }
    catch (const std::exception& wrong)
    {
        return complain(json, failed, "failed", wrong.what());
    }
}

// In lists of commands the first sentence stands; a command's own help begins with its example.
class sentences : public CLI::Formatter
{
public:
    std::string make_subcommand(const CLI::App* sub) const override
    {
        const auto text = sub->get_description();
        const auto begin = text.find("\n\n");
        const auto sentence = begin == std::string::npos ? text : text.substr(begin + 2);
        const auto name = sub->get_name();
        return "  " + name + std::string(name.size() < 12 ? 12 - name.size() : 1, ' ') + first_of(sentence) + '\n';
    }

    // The root lists these itself.
    std::string make_footer(const CLI::App* app) const override
    {
        if (app->get_parent() == nullptr)
            return CLI::Formatter::make_footer(app);
        return "Every command also takes --json, --data DIR, --dsn DSN, --dsn-file FILE, --set NAME=VALUE, --quiet, "
               "--no-input\nand --yes: see `clientflow --help`.\n";
    }

private:
    // A full stop within a name ("org.suspended") or a number ends nothing.
    static std::string first_of(const std::string& text)
    {
        auto line = text.substr(0, text.find('\n'));
        line = line.substr(0, line.find(". "));
        if (line.ends_with('.'))
            line.pop_back();
        return line;
    }
};

void add_common_options(CLI::App& app, common_options& given)
{
    app.add_flag("--json", given.json, "One JSON document (tails: JSON lines); failures as problem objects on stderr");
    app.add_option("--data", given.data, "The data directory (default /var/lib/clientflow as root)")->type_name("DIR");
    app.add_option("--dsn", given.dsn, "PostgreSQL, as libpq writes it, without a password");
    app.add_option("--dsn-file", given.dsn_file, "A file that holds the DSN, password included")->type_name("FILE");
    app.add_option("--set", given.set, "Any setting: name=value (see `config print`)")->type_name("NAME=VALUE");
    app.add_flag("--quiet", given.quiet, "No messages but failures");
    app.add_flag("--no-input", given.no_input, "Never ask");
    app.add_flag("--yes", given.yes, "Yes to every question");
}

void add_nouns(CLI::App& root, program& chosen)
{
    for (auto* add :
         {add_serve, add_migrate, add_doctor, add_config, add_tenant, add_key, add_analyst, add_events, add_stream,
          add_projection, add_parked, add_lanes, add_audit, add_why, add_bench, add_schemas, add_metrics, add_openapi})
        add(root, chosen);
}

exit_status parse_and_run(int count, char** arguments)
{
    program chosen;
    CLI::App root{description, "clientflow"};
    root.set_version_flag("--version", std::string{"clientflow "} + CLIENTFLOW_VERSION);
    root.require_subcommand(1);
    root.formatter(std::make_shared<sentences>());
    root.fallthrough();
    add_common_options(root, chosen.given);
    add_nouns(root, chosen);
    const std::vector<std::string> words(arguments + 1, arguments + count);
    // The parse may fail before it has seen the flag.
    const bool json = std::find(words.begin(), words.end(), "--json") != words.end();
    try
    {
        root.parse(count, arguments);
    }
    catch (const CLI::Success& asked)
    {
        return static_cast<exit_status>(root.exit(asked));
    }
    catch (const CLI::ParseError& wrong)
    {
        const auto led = follow(root, words);
        if (const auto sentence = no_flag(led, words))
            return complain(json, usage, "unknown_flag", *sentence);
        const auto sentence = no_command(led);
        return complain(json, usage, led.stray ? "unknown_command" : "usage", sentence.value_or(wrong.what()));
    }
    return guarded(chosen);
}
}  // namespace

CLI::App& add_noun(CLI::App& root, const std::string& name, const std::string& text)
{
    auto& noun = *root.add_subcommand(name, text);
    noun.fallthrough();
    return noun;
}

CLI::App& add_verb(CLI::App& noun, const std::string& name, const std::string& text)
{
    noun.require_subcommand(1);
    return add_noun(noun, name, text);
}

std::string printable(std::string text)
{
    for (char& each : text)
        if ((static_cast<unsigned char>(each) < 0x20 && each != '\n' && each != '\t') || each == 0x7f)
            each = '?';
    return text;
}

void say(const program& of, std::string_view line)
{
    if (!of.given.quiet)
        std::cerr << printable(std::string{line}) << '\n';
}

bool stop_asked() { return stop_signals > 0; }

void end_at_second_signal() { second_signal_ends = 1; }

bool output_ended()
{
    pollfd out{STDOUT_FILENO, 0, 0};
    return !std::cout || (::poll(&out, 1, 0) > 0 && (out.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0);
}
}  // namespace cli

int main(int count, char** arguments)
{
    std::signal(SIGPIPE, SIG_IGN);
    for (const int signal : {SIGINT, SIGTERM})
        std::signal(signal, cli::on_signal);
    return cli::parse_and_run(count, arguments);
}
