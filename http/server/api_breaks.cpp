// Two documents walked side by side. Both were written by openapi.cpp, so only its shapes are known here.
#include "http/server/api_breaks.hpp"

#include "schemas/json.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>

namespace http
{
namespace
{
namespace json = schema::json;
using json::node;
using json::node_type;

std::optional<node> part(const std::optional<node>& of, std::string_view name)
{
    node found;
    if (of && json::type_of(*of) == node_type::object && json::find(*of, name, found))
        return found;
    return std::nullopt;
}

std::string text(const std::optional<node>& of, std::string_view name)
{
    const auto found = part(of, name);
    return found && json::type_of(*found) == node_type::text ? std::string{json::text_of(*found)} : std::string{};
}

bool is_set(const std::optional<node>& of, std::string_view name)
{
    const auto found = part(of, name);
    return found && json::type_of(*found) == node_type::boolean && json::boolean_of(*found);
}

std::vector<node> list(const std::optional<node>& of, std::string_view name)
{
    std::vector<node> made;
    if (const auto found = part(of, name); found && json::type_of(*found) == node_type::array)
        for (json::elements walk{*found}; walk.next();)
            made.push_back(walk.value);
    return made;
}

std::vector<std::string> words(const std::optional<node>& of, std::string_view name)
{
    std::vector<std::string> made;
    for (const node& each : list(of, name))
        made.emplace_back(json::text_of(each));
    return made;
}

bool holds(const std::vector<std::string>& among, const std::string& word)
{
    return std::ranges::find(among, word) != among.end();
}

std::string upper(std::string_view word)
{
    std::string made{word};
    for (char& c : made)
        if (c >= 'a' && c <= 'z')
            c = static_cast<char>(c - 'a' + 'A');
    return made;
}

// "#/components/schemas/task" is "task".
std::string referred(const std::optional<node>& of)
{
    const auto whole = text(of, "$ref");
    return whole.substr(whole.rfind('/') + 1);
}

// The record of an answer or a body; of a page, "page of task". Of several forms the first.
std::string shown(const std::optional<node>& media)
{
    auto plain = part(media, "schema");
    if (const auto forms = list(plain, "anyOf"); !forms.empty())
        plain = forms.front();
    const auto record = referred(plain);
    return record.empty() ? "page of " + referred(part(part(part(plain, "properties"), "data"), "items")) : record;
}

class comparison
{
public:
    void documents(const node& was, const node& is)
    {
        const auto now = part(is, "paths");
        for (json::members path{*part(was, "paths")}; path.next();)
            for (json::members method{path.value}; method.next();)
            {
                here_ = upper(method.key) + ' ' + std::string{path.key};
                if (const auto same = part(part(now, path.key), method.key))
                    operation(method.value, *same);
                else
                    say("removed");
            }
        here_ = "problem";
        problem(part(part(part(was, "components"), "schemas"), "problem"),
                part(part(part(is, "components"), "schemas"), "problem"));
    }

    std::vector<std::string> found;

private:
    void say(const std::string& what) { found.push_back(here_ + ": " + what); }

    void operation(const node& was, const node& is)
    {
        renamed("operationId", text(was, "operationId"), text(is, "operationId"));
        if (scope_rank(text(is, "x-scope")) > scope_rank(text(was, "x-scope")))
            say("needs the scope " + text(is, "x-scope") + " now");
        parameters(was, is);
        body(part(was, "requestBody"), part(is, "requestBody"));
        responses(part(was, "responses"), part(is, "responses"));
    }

    void renamed(const std::string& what, const std::string& was, const std::string& is)
    {
        if (was != is)
            say(what + " changed from " + was + " to " + is);
    }

    static std::size_t scope_rank(std::string_view name)
    {
        static constexpr std::array<std::string_view, 5> ranks{"none", "any", "read", "write", "admin"};
        return static_cast<std::size_t>(std::ranges::find(ranks, name) - ranks.begin());
    }

    static std::string name_of(const node& parameter)
    {
        const auto own = text(parameter, "name");
        return own.empty() ? referred(parameter) : own;
    }

    static const node* named(const std::vector<node>& among, const std::string& name)
    {
        const auto found = std::ranges::find(among, name, name_of);
        return found == among.end() ? nullptr : &*found;
    }

    void parameters(const node& was, const node& is)
    {
        const auto before = list(was, "parameters");
        const auto now = list(is, "parameters");
        for (const node& old : before)
        {
            const auto name = name_of(old);
            const node* same = named(now, name);
            if (same == nullptr)
                say("parameter " + name + " removed");
            else
                values("parameter " + name, part(old, "schema"), part(*same, "schema"));
        }
        for (const node& each : now)
        {
            const node* old = named(before, name_of(each));
            if (is_set(each, "required") && (old == nullptr || !is_set(*old, "required")))
                say("parameter " + name_of(each) + " newly required");
        }
    }

    // Where any value was taken, a closed list of them is new.
    void values(const std::string& of, const std::optional<node>& was, const std::optional<node>& is)
    {
        const auto now = words(is, "enum");
        for (const auto& old : words(was, "enum"))
            if (part(is, "enum") && !holds(now, old))
                say(of + ": value \"" + old + "\" removed");
    }

    void body(const std::optional<node>& was, const std::optional<node>& is)
    {
        if (is_set(is, "required") && !is_set(was, "required"))
            say("a body is required now");
        if (const auto content = part(was, "content"))
            media(*content, part(is, "content"), "body");
    }

    void media(const node& was, const std::optional<node>& is, const std::string& of)
    {
        for (json::members each{was}; each.next();)
            if (const auto same = part(is, each.key))
                renamed(of, shown(each.value), shown(*same));
            else
                say(of + ": " + std::string{each.key} + " removed");
    }

    void responses(const std::optional<node>& was, const std::optional<node>& is)
    {
        if (!was)
            return;
        for (json::members each{*was}; each.next();)
        {
            const std::string status{each.key};
            const auto same = part(is, status);
            const auto now = words(same, "x-codes");
            for (const auto& code : words(each.value, "x-codes"))
                if (!holds(now, code))
                    say("code " + code + " (" + status + ") removed");
            if (!status.starts_with('2'))
                continue;
            if (!same)
                say("answer " + status + " removed");
            else if (const auto content = part(each.value, "content"))
                media(*content, part(*same, "content"), "answer " + status);
        }
    }

    void problem(const std::optional<node>& was, const std::optional<node>& is)
    {
        const auto now = part(is, "properties");
        if (const auto before = part(was, "properties"))
            for (json::members each{*before}; each.next();)
                if (!part(now, each.key))
                    say(std::string{each.key} + " removed");
        const auto sure = words(is, "required");
        for (const auto& old : words(was, "required"))
            if (part(now, old) && !holds(sure, old))
                say(old + " may be absent now");
    }

    std::string here_;
};

void parse(json::document& into, std::string_view text)
{
    if (!into.parse(text) || !part(into.root(), "openapi") || !part(into.root(), "paths"))
        throw std::invalid_argument("not an OpenAPI document that was emitted");
}
}  // namespace

std::vector<std::string> api_breaks(std::string_view old_document, std::string_view new_document)
{
    json::document before;
    json::document after;
    parse(before, old_document);
    parse(after, new_document);
    comparison made;
    made.documents(before.root(), after.root());
    return std::move(made.found);
}
}  // namespace http
