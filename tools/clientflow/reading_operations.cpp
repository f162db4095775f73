// See reading_operations.hpp. Values come from outside and become words of a command line: a flag's stands behind its
// `=`, an argument's behind `--`, so that none is taken for a flag; what cannot be meant is refused before.
#include "tools/clientflow/reading_operations.hpp"

#include "schemas/json.hpp"
#include "tools/clientflow/operation_refusals.hpp"

#include <algorithm>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace cli
{
namespace
{
using http::operation;
using http::operation_call;
using words = std::vector<std::string>;

enum class kind
{
    argument,  // and there is no answer without it
    value,     // of a flag
    needed,    // likewise, of a flag that must be there
    text,      // of a flag, whatever it begins with
    is_set     // a flag without a value: true or false
};

struct parameter
{
    std::string_view name;  // the flag's, with _ for -
    kind what = kind::value;
};

struct command
{
    const char* path;
    api_key::scope scope;
    std::span<const parameter> parameters;
};

constexpr parameter tenant_show[]{{"org", kind::argument}};
constexpr parameter key_list[]{{"org"}, {"ops", kind::is_set}};
constexpr parameter events_show[]{{"event", kind::argument}};
constexpr parameter events_at[]{{"time", kind::argument}};
constexpr parameter stream_show[]{{"id", kind::argument}, {"at"}};
constexpr parameter why[]{{"id", kind::argument}};
constexpr parameter audit_log[]{
    {"org", kind::needed}, {"actor"}, {"action"}, {"entity"}, {"entity_id"}, {"from"}, {"to"}, {"last"}, {"cursor"},
    {"q", kind::text}};

constexpr command commands[]{
    {"tenant/list", api_key::scope::ops_read, {}},
    {"tenant/show", api_key::scope::ops_read, tenant_show},
    {"key/list", api_key::scope::ops_read, key_list},
    {"events/show", api_key::scope::ops_read, events_show},
    {"events/at", api_key::scope::ops_read, events_at},
    {"stream/show", api_key::scope::ops_read, stream_show},
    {"why", api_key::scope::ops_read, why},
    {"audit/log", api_key::scope::audit_read, audit_log},
    {"doctor", api_key::scope::ops_read, {}},
};

[[noreturn]] void refuse(http::problem said) { throw http::operation_refused{std::move(said)}; }

std::string flag_of(std::string_view name)
{
    auto flag = "--" + std::string{name};
    std::ranges::replace(flag, '_', '-');
    return flag;
}

words verbs_of(std::string_view path)
{
    const auto slash = path.find('/');
    words made{std::string{path.substr(0, slash)}};
    if (slash != std::string_view::npos)
        made.emplace_back(path.substr(slash + 1));
    return made;
}

std::string shell_of(std::string_view path)
{
    std::string made = "clientflow";
    for (const auto& each : verbs_of(path))
        made += ' ' + each;
    return made;
}

void expect_sense(const parameter& of, const std::string& value)
{
    if (of.what == kind::is_set && value != "true" && value != "false")
        refuse(http::bad_query(std::string{of.name}, "It wants true or false."));
    if (value.empty())
        refuse(http::bad_query(std::string{of.name}, "It is empty."));
    if (of.what != kind::text && value.starts_with('-'))
        refuse(http::bad_query(std::string{of.name}, "No value begins with -."));
}

// Every parameter is one of the command's, and there once: whoever calls this has looked.
words read(const command& of, const operation_call& call)
{
    auto made = verbs_of(of.path);
    words arguments{"--"};
    for (const auto& each : of.parameters)
    {
        const auto sent =
            std::ranges::find_if(call.parameters, [&](const auto& one) { return one.first == each.name; });
        if (sent == call.parameters.end())
            continue;
        const auto& value = sent->second;
        expect_sense(each, value);
        if (each.what == kind::argument)
            arguments.push_back(value);
        else if (each.what != kind::is_set)
            made.push_back(flag_of(each.name) + '=' + value);
        else if (value == "true")
            made.push_back(flag_of(each.name));
    }
    if (arguments.size() > 1)
        made.insert(made.end(), arguments.begin(), arguments.end());
    return made;
}

// A text of a problem that the command line printed: its sentence, its code.
std::string text_in(const std::string& problem, std::string_view member)
{
    schema::json::document parsed;
    if (!parsed.parse(problem))
        return {};
    for (schema::json::members walk{parsed.root()}; walk.next();)
        if (walk.key == member && schema::json::type_of(walk.value) == schema::json::node_type::text)
            return std::string{schema::json::text_of(walk.value)};
    return {};
}

// Where a sentence names a flag, and not one whose name goes on; npos when it does not.
std::size_t named_at(std::string_view sentence, const std::string& flag)
{
    auto at = sentence.find(flag);
    while (at != std::string_view::npos && sentence.substr(at + flag.size()).starts_with('-'))
        at = sentence.find(flag, at + 1);
    return at;
}

// The parameter that a sentence about wrong usage speaks of: the first whose flag it names, or the argument.
std::string_view blamed(const command& of, std::string_view sentence)
{
    auto found = of.parameters.front().name;
    auto first = std::string_view::npos;
    for (const auto& each : of.parameters)
        if (const auto at = named_at(sentence, flag_of(each.name)); at < first)
        {
            first = at;
            found = each.name;
        }
    return found;
}

std::string answer_of(const command& of, const admin_work& work, admin_work::told said)
{
    const auto instead = ": run `" + shell_of(of.path) + "` on the command line.";
    if (said.is_too_long)
        refuse(http::make_problem("busy", "It took longer than the " +
                                              std::to_string(work.config().reading_time_max.count()) +
                                              " ms of operators.reading_time_max_ms, and was ended" + instead));
    if (said.is_too_large)
        refuse(http::make_problem("invalid", "The answer is larger than the " +
                                                 std::to_string(work.config().answer_bytes_max) +
                                                 " bytes of operators.answer_bytes_max" + instead));
    if (said.exit == done || said.exit == differences)  // what a doctor finds is an answer
        return std::move(said.answer);
    const auto problem = said.problem.value_or("");
    const auto sentence = text_in(problem, "detail");
    std::vector<std::string_view> names;
    for (const auto& each : of.parameters)
        names.push_back(each.name);
    std::ranges::sort(names, std::greater{}, &std::string_view::size);  // --entity-id before --entity
    // The command reads the server's own settings, which are nobody's parameters.
    const auto code = text_in(problem, "code");
    const bool is_of_settings = code == "bad_setting" || code == "bad_dsn" || of.parameters.empty();
    if (said.exit == usage && !is_of_settings)
        refuse(http::bad_query(std::string{blamed(of, sentence)}, without_flags(sentence, names)));
    // Whatever has no sentence of its own for people (a signal, a defect) says nothing of itself here.
    const auto told = said.exit == usage ? "internal" : problem_code_of(said.exit);
    refuse(http::make_problem(told, told == "internal" ? std::string{} : without_flags(sentence, names)));
}
}  // namespace

std::vector<operation> reading_operations(const std::shared_ptr<admin_work>& work)
{
    std::vector<operation> made;
    for (const auto& each : commands)
    {
        operation one{each.path, http::verb::get, each.scope, {}, {}};
        for (const auto& of : each.parameters)
        {
            one.parameters.push_back(of.name);
            if (of.what == kind::argument || of.what == kind::needed)
                one.required.push_back(of.name);
        }
        one.run = [work, &each](const operation_call& call) {
            return answer_of(each, *work, work->read(read(each, call), call.stopping));
        };
        one.takes_long = true;
        made.push_back(std::move(one));
    }
    return made;
}
}  // namespace cli
