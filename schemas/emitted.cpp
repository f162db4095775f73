#include "schemas/emitted.hpp"

#include "schemas/formats.hpp"
#include "schemas/json.hpp"
#include "schemas/json_writer.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <stdexcept>

namespace schema
{
namespace
{
// -- Printing.

std::string spelling(const leaf& type)
{
    switch (type.what)
    {
    case kind::boolean:
        return "boolean";
    case kind::integer:
        return "int" + std::to_string(type.bytes * 8);
    case kind::text:
        return "text";
    case kind::uuid:
        return "uuid";
    case kind::id:
        return "id " + std::string{type.prefix};
    case kind::moment:
        return "moment";
    case kind::day:
        return "day";
    case kind::money:
        return "money";
    case kind::enumeration:
        return "enumeration";
    case kind::record:
        return "record";
    case kind::one_of:
        return "variant";
    case kind::list:
        return "list of " + spelling(*type.inner);
    case kind::map:
        return "map of " + spelling(*type.inner);
    case kind::optional:
    case kind::patch:
    case kind::personal:
        return spelling(*type.inner);
    }
    throw std::logic_error("a kind without a spelling");
}

bool may_be_null(const field_row& row)
{
    bool found = false;
    for (const leaf* at = row.type; at; at = at->what == kind::list || at->what == kind::map ? nullptr : at->inner)
        found = found || at->what == kind::optional || at->what == kind::patch;
    return found && !row.not_null;
}

const leaf& innermost(const leaf& type) { return type.inner ? innermost(*type.inner) : type; }

class printer
{
public:
    explicit printer(std::string& out) : out_(out) {}

    void record(const record_type& type, std::size_t indent)
    {
        out_ += "\"record\": ";
        append_quoted(out_, type.name);
        out_ += ", \"version\": " + std::to_string(type.version) + ", \"members\": [";
        for (std::size_t i = 0; i < type.count; ++i)
        {
            new_line(i, indent + 2);
            member(type.rows[i], indent + 2);
        }
        out_ += type.count ? "\n" + std::string(indent, ' ') + "]" : "]";
    }

private:
    void new_line(std::size_t before, std::size_t indent)
    {
        out_ += before ? ",\n" : "\n";
        out_.append(indent, ' ');
    }

    void text(std::string_view name, std::string_view value)
    {
        out_.append(", \"").append(name).append("\": ");
        append_quoted(out_, value);
    }

    void number(std::string_view name, std::int64_t value, std::int64_t unset)
    {
        if (value != unset)
            out_.append(", \"").append(name).append("\": ").append(std::to_string(value));
    }

    void mark(std::string_view name, bool set)
    {
        if (set)
            out_.append(", \"").append(name).append("\": true");
    }

    void member(const field_row& row, std::size_t indent)
    {
        out_ += "{\"name\": ";
        append_quoted(out_, row.name);
        text("type", spelling(*row.type));
        mark("required", row.required && !row.read_only);
        mark("null", may_be_null(row));
        number("min", row.min, std::numeric_limits<std::int64_t>::min());
        number("max", row.max, std::numeric_limits<std::int64_t>::max());
        number("items_max", row.items_max, 0);
        number("each_max", row.each_max, 0);
        if (row.form != format::none)
            text("format", rule_of(row.form).name);
        if (row.unit)
            text("unit", row.unit);
        mark("multiline", row.multiline);
        mark("read_only", row.read_only);
        mark("secret", row.secret);
        mark("personal", row.personal);
        mark("sealed", row.subject != nullptr);
        inner(innermost(*row.type), indent);
        out_ += '}';
    }

    void inner(const leaf& type, std::size_t indent)
    {
        if (type.what == kind::enumeration)
        {
            out_ += ", \"values\": [";
            for (std::size_t i = 0; i < type.count; ++i)
            {
                out_ += i ? ", " : "";
                append_quoted(out_, type.names[i]);
            }
            out_ += ']';
        }
        if (type.what == kind::record)
        {
            out_ += ", ";
            record(*type.record, indent);
        }
        if (type.what == kind::one_of)
        {
            out_ += ", \"alternatives\": [";
            for (std::size_t i = 0; i < type.count; ++i)
            {
                new_line(i, indent + 2);
                out_ += '{';
                record(*type.alternatives[i], indent + 2);
                out_ += '}';
            }
            out_ += ']';
        }
    }

    std::string& out_;
};

// -- Comparing two printed descriptions.

using json::node;

std::optional<node> part(const node& of, std::string_view name)
{
    node found;
    return json::find(of, name, found) ? std::optional{found} : std::nullopt;
}

std::string_view text(const node& of, std::string_view name)
{
    const auto found = part(of, name);
    return found && json::type_of(*found) == json::node_type::text ? json::text_of(*found) : std::string_view{};
}

std::int64_t number(const node& of, std::string_view name, std::int64_t otherwise)
{
    const auto found = part(of, name);
    return found && json::type_of(*found) == json::node_type::integer ? json::integer_of(*found) : otherwise;
}

std::vector<node> list(const node& of, std::string_view name)
{
    std::vector<node> out;
    if (const auto found = part(of, name); found && json::type_of(*found) == json::node_type::array)
        for (json::elements walk{*found}; walk.next();)
            out.push_back(walk.value);
    return out;
}

bool widens(std::string_view old_type, std::string_view new_type)
{
    const auto rank = [](std::string_view name) {
        return name == "int16" ? 1 : name == "int32" ? 2 : name == "int64" ? 3 : 0;
    };
    return rank(old_type) != 0 && rank(old_type) < rank(new_type);
}

class comparison
{
public:
    comparison(compatibility as, std::vector<std::string>& found) : as_(as), found_(found) {}

    void members(const node& was, const node& is, const std::string& path)
    {
        const auto now = list(is, "members");
        for (const node& old : list(was, "members"))
        {
            const std::string here = path + std::string{text(old, "name")};
            if (const node* same = named(now, "name", text(old, "name")))
                member(old, *same, here);
            else
                say(here, "removed");
        }
        if (as_ == compatibility::as_answer)
            return;
        const auto before = list(was, "members");
        for (const node& added : now)
            if (!named(before, "name", text(added, "name")) && part(added, "required"))
                say(path + std::string{text(added, "name")}, "newly required");
    }

private:
    static const node* named(const std::vector<node>& in, std::string_view key, std::string_view name)
    {
        const auto found =
            std::find_if(in.begin(), in.end(), [&](const node& each) { return text(each, key) == name; });
        return found == in.end() ? nullptr : &*found;
    }

    void say(const std::string& where, const std::string& what) { found_.push_back(where + ": " + what); }

    void member(const node& was, const node& is, const std::string& here)
    {
        const auto old_type = text(was, "type");
        const auto new_type = text(is, "type");
        if (old_type != new_type && !widens(old_type, new_type))
            return say(here, "retyped from " + std::string{old_type} + " to " + std::string{new_type});
        if (as_ == compatibility::as_answer)
            answered(was, is, here);
        else
            given(was, is, here);
        values(was, is, here);
        if (as_ == compatibility::as_request)
            narrowed(was, is, here);
        if (as_ == compatibility::as_event && part(was, "sealed") && !part(is, "sealed"))
            say(here, "not sealed any more");
        members(was, is, here + '.');
        alternatives(was, is, here);
    }

    // What we are given, by the store or a client, was written under the old description.
    void given(const node& was, const node& is, const std::string& here)
    {
        if (!part(was, "required") && part(is, "required"))
            say(here, "newly required");
        if (part(was, "null") && !part(is, "null"))
            say(here, "may not be null any more");
    }

    // What we answer is read by code that was written under it.
    void answered(const node& was, const node& is, const std::string& here)
    {
        if (!part(was, "null") && part(is, "null"))
            say(here, "may be null now");
    }

    void values(const node& was, const node& is, const std::string& here)
    {
        const auto now = list(is, "values");
        for (const node& old : list(was, "values"))
        {
            const auto same = [&](const node& each) { return json::text_of(each) == json::text_of(old); };
            if (std::none_of(now.begin(), now.end(), same))
                say(here, "value \"" + std::string{json::text_of(old)} + "\" removed");
        }
    }

    void narrowed(const node& was, const node& is, const std::string& here)
    {
        constexpr auto no_min = std::numeric_limits<std::int64_t>::min();
        constexpr auto no_max = std::numeric_limits<std::int64_t>::max();
        if (number(is, "min", no_min) > number(was, "min", no_min))
            say(here, "min raised to " + std::to_string(number(is, "min", no_min)));
        for (const std::string_view name : {"max", "items_max", "each_max"})
            if (number(is, name, no_max) < number(was, name, no_max))
                say(here, std::string{name} + " lowered to " + std::to_string(number(is, name, no_max)));
        if (!text(is, "format").empty() && text(is, "format") != text(was, "format"))
            say(here, "format is now " + std::string{text(is, "format")});
        if (part(was, "multiline") && !part(is, "multiline"))
            say(here, "not multiline any more");
        if (!part(was, "read_only") && part(is, "read_only"))
            say(here, "newly read-only");
    }

    void alternatives(const node& was, const node& is, const std::string& here)
    {
        const auto now = list(is, "alternatives");
        for (const node& old : list(was, "alternatives"))
        {
            const std::string name{text(old, "record")};
            if (const node* same = named(now, "record", name))
                members(old, *same, here + '.' + name + '.');
            else
                say(here, "alternative " + name + " removed");
        }
    }

    compatibility as_;
    std::vector<std::string>& found_;
};
}  // namespace

std::string emit(const record_type& type)
{
    std::string out = "{";
    printer{out}.record(type, 0);
    return out + "}\n";
}

std::vector<std::string> breaks(std::string_view old_text, const record_type& now, compatibility as)
{
    json::document before;
    json::document after;
    if (!before.parse(old_text) || json::type_of(before.root()) != json::node_type::object ||
        text(before.root(), "record").empty() || !part(before.root(), "members"))
        throw std::invalid_argument("not a description that was emitted");
    if (!after.parse(emit(now)))
        throw std::logic_error("an emitted description is not JSON: " + after.problem());

    std::vector<std::string> found;
    const std::string old_name{text(before.root(), "record")};
    const std::int64_t old_version = number(before.root(), "version", 0);
    if (old_name != now.name)
        found.push_back("record: renamed from " + old_name + " to " + std::string{now.name});
    if (old_version > now.version)
        found.push_back("version: went back from " + std::to_string(old_version));
    if (as != compatibility::as_event || old_version == now.version)
        comparison{as, found}.members(before.root(), after.root(), "");
    return found;
}
}  // namespace schema
