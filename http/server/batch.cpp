#include "http/server/batch.hpp"

#include "http/server/headers.hpp"
#include "schemas/json.hpp"
#include "schemas/json_copy.hpp"
#include "schemas/record.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace http
{
namespace
{
namespace json = schema::json;

constexpr std::array methods{verb::post, verb::patch, verb::delete_};

class batch_reader
{
public:
    batch_body read(const json::node& root)
    {
        if (json::type_of(root) != json::node_type::object)
            return refuse("#", "mistyped", "Must be an object."), batch_body{};
        batch_body made;
        bool has_commands = false;
        for (json::members walk{root}; walk.next();)
        {
            if (walk.key == "atomic")
                made.atomic = truth(walk.value, "#/atomic");
            else if (walk.key == "commands")
                has_commands = true, read_commands(walk.value, made.commands);
            else
                refuse("#/" + in_pointer(walk.key), "unknown", "There is no such member.");
        }
        if (!has_commands)
            refuse("#/commands", "required", "Must be given.");
        if (made.atomic)
            expect_different_keys(made.commands);
        return made;
    }

    schema::faults take_faults() { return std::move(found_); }

private:
    void refuse(std::string where, std::string_view code, std::string message)
    {
        if (found_.size() < schema::faults_max)
            found_.push_back({schema::fault::place::pointer, std::move(where), code, std::move(message)});
    }

    // Of a name that nobody knows: the parts of it that a fragment may hold.
    static std::string in_pointer(std::string_view name)
    {
        std::string made;
        for (const char c : name)
            made += (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ? c : '-';
        return made;
    }

    bool truth(const json::node& given, const std::string& where)
    {
        if (json::type_of(given) == json::node_type::boolean)
            return json::boolean_of(given);
        refuse(where, "mistyped", "Must be true or false.");
        return false;
    }

    std::string text(const json::node& given, const std::string& where)
    {
        if (json::type_of(given) == json::node_type::text)
            return std::string{json::text_of(given)};
        refuse(where, "mistyped", "Must be text.");
        return {};
    }

    std::optional<std::string> text_or_null(const json::node& given, const std::string& where)
    {
        if (json::type_of(given) == json::node_type::null)
            return std::nullopt;
        return text(given, where);
    }

    void read_commands(const json::node& given, std::vector<batch_command>& into)
    {
        if (json::type_of(given) != json::node_type::array)
            return refuse("#/commands", "mistyped", "Must be a list.");
        for (json::elements walk{given}; walk.next();)
        {
            if (into.size() == batch_commands_max)
                return refuse("#/commands", "too_many", "At most " + std::to_string(batch_commands_max) + " commands.");
            into.push_back(read_command(walk.value, "#/commands/" + std::to_string(walk.index)));
        }
        if (into.empty())
            refuse("#/commands", "too_short", "At least 1 command.");
    }

    batch_command read_command(const json::node& given, const std::string& where)
    {
        batch_command made;
        if (json::type_of(given) != json::node_type::object)
            return refuse(where, "mistyped", "Must be an object."), made;
        bool has_method = false;
        bool has_path = false;
        for (json::members walk{given}; walk.next();)
        {
            const std::string at = where + '/' + in_pointer(walk.key);
            if (walk.key == "method")
                has_method = true, made.method = method(walk.value, at);
            else if (walk.key == "path")
                has_path = true, made.path = path(walk.value, at);
            else if (walk.key == "body")
                made.body = body(walk.value);
            else if (walk.key == "idempotency_key")
                made.idempotency_key = text_or_null(walk.value, at);
            else if (walk.key == "if_match")
                made.if_match = text_or_null(walk.value, at);
            else
                refuse(at, "unknown", "There is no such member.");
        }
        if (!has_method)
            refuse(where + "/method", "required", "Must be given.");
        if (!has_path)
            refuse(where + "/path", "required", "Must be given.");
        return made;
    }

    verb method(const json::node& given, const std::string& where)
    {
        const verb named = verb_of(text(given, where));
        if (std::find(methods.begin(), methods.end(), named) == methods.end())
            refuse(where, "not_one_of", "Must be POST, PATCH or DELETE.");
        return named;
    }

    std::string path(const json::node& given, const std::string& where)
    {
        std::string made = text(given, where);
        const bool visible = std::all_of(made.begin(), made.end(), [](char c) { return c > ' ' && c < 0x7f; });
        if (!made.starts_with('/') || !visible)
            refuse(where, "format", "Must be the path of a request, beginning with a slash.");
        else if (std::string_view{made}.substr(0, made.find('?')) == batch_path)
            refuse(where, "invalid", "A batch holds no batches.");
        return made;
    }

    static std::string body(const json::node& given)
    {
        std::string made;
        if (json::type_of(given) == json::node_type::null)
            return made;
        schema::json_writer out{made};
        schema::write_node(out, given, schema::member_order::as_given);
        return made;
    }

    void expect_different_keys(const std::vector<batch_command>& commands)
    {
        std::set<std::string> seen;
        for (std::size_t i = 0; i < commands.size(); ++i)
        {
            const auto key = commands[i].idempotency_key ? read_idempotency_key(*commands[i].idempotency_key)
                                                         : schema::result<std::string, problem>{std::string{}};
            if (key && !key->empty() && !seen.insert(*key).second)
                refuse("#/commands/" + std::to_string(i) + "/idempotency_key", "duplicate",
                       "An earlier command of this atomic batch has the same key.");
        }
    }

    schema::faults found_;
};

void write_headers(schema::json_writer& out, const reply& said)
{
    out.key("headers").begin_object();
    if (!said.content_type.empty())
        out.member("Content-Type", said.content_type);
    for (std::string_view rest = said.fields; !rest.empty();)
    {
        const std::string_view line = rest.substr(0, rest.find("\r\n"));
        rest.remove_prefix(std::min(line.size() + 2, rest.size()));
        const auto colon = line.find(": ");
        if (colon != std::string_view::npos)
            out.member(line.substr(0, colon), line.substr(colon + 2));
    }
    out.end_object();
}

void describe_text(schema::json_writer& out, std::string_view name, std::string_view note, bool may_be_null)
{
    out.key(name).begin_object().key("type");
    if (may_be_null)
        out.begin_array().string("string").string("null").end_array();
    else
        out.string("string");
    out.member("description", note).end_object();
}

void describe_command(schema::json_writer& out)
{
    out.begin_object().member("type", "object");
    out.key("required").begin_array().string("method").string("path").end_array();
    out.key("properties").begin_object();
    out.key("method").begin_object().member("type", "string").key("enum").begin_array();
    for (const verb each : methods)
        out.string(text_of(each));
    out.end_array().end_object();
    describe_text(out, "path", "Of any write but this one, without a query string.", false);
    out.key("body").begin_object().member("description", "What the route takes as its body.").end_object();
    describe_text(out, "idempotency_key", "As the header Idempotency-Key.", true);
    describe_text(out, "if_match", "As the header If-Match.", true);
    out.end_object().key("additionalProperties").boolean(false).end_object();
}
}  // namespace

schema::result<batch_body, schema::faults> read_batch(std::string_view text)
{
    json::document document;
    if (!document.parse(text))
        return schema::faults{{schema::fault::place::pointer, document.where(), "malformed",
                               "Malformed JSON: " + document.problem() + '.'}};
    batch_reader reader;
    batch_body made = reader.read(document.root());
    schema::faults found = reader.take_faults();
    if (!found.empty())
        return found;
    return made;
}

void write_batched(schema::json_writer& out, const reply& said)
{
    out.begin_object().key("status").integer(said.status);
    write_headers(out, said);
    out.key("body");
    if (said.text().empty())
        out.null();
    else
        out.raw(said.text());
    out.end_object();
}

void describe_batch(schema::json_writer& out)
{
    out.begin_object().member("title", "batch").member("type", "object");
    out.key("required").begin_array().string("commands").end_array();
    out.key("properties").begin_object();
    out.key("atomic").begin_object().member("type", "boolean");
    out.member("description", "true: all of the commands or none. false when left out.").end_object();
    out.key("commands").begin_object().member("type", "array").key("minItems").integer(1);
    out.key("maxItems").integer(static_cast<std::int64_t>(batch_commands_max)).key("items");
    describe_command(out);
    out.end_object().end_object().key("additionalProperties").boolean(false).end_object();
}

void describe_batched(schema::json_writer& out)
{
    out.begin_object().member("title", "batch_answer").member("type", "object");
    out.key("required").begin_array().string("data").end_array();
    out.key("properties").begin_object().key("data").begin_object().member("type", "array").key("items");
    out.begin_object().member("type", "object");
    out.key("required").begin_array().string("status").string("headers").string("body").end_array();
    out.key("properties").begin_object();
    out.key("status").begin_object().member("type", "integer").end_object();
    out.key("headers").begin_object().member("type", "object").key("additionalProperties").begin_object();
    out.member("type", "string").end_object().end_object();
    out.key("body").begin_object().member("description", "The item, or the problem.").end_object();
    out.end_object().end_object().end_object().end_object().end_object();
}
}  // namespace http
