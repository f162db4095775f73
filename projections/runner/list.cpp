// Query strings into statements. Values only ever travel as arguments; names come from the noun's own columns.
#include "projections/runner/list.hpp"

#include "projections/runner/binary_columns.hpp"
#include "schemas/assertion.hpp"
#include "schemas/text.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <set>
#include <span>

namespace projection
{
namespace
{
using schema::fault;
using schema::faults;
using schema::kind;

fault wrong(const std::string& name, std::string_view code, std::string message)
{
    return {fault::place::parameter, name, code, std::move(message)};
}

std::string snake_case(std::string_view given)
{
    std::string made;
    for (const char c : given)
    {
        if (c >= 'A' && c <= 'Z')
            made.append(made.empty() ? "" : "_").push_back(static_cast<char>(c - 'A' + 'a'));
        else
            made.push_back(c);
    }
    return made;
}

std::vector<std::string_view> split(std::string_view text, char by)
{
    std::vector<std::string_view> parts;
    for (;;)
    {
        const std::size_t at = text.find(by);
        parts.push_back(text.substr(0, at));
        if (at == std::string_view::npos)
            return parts;
        text.remove_prefix(at + 1);
    }
}

std::optional<int> small_number(std::string_view text)
{
    int n = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (text.empty() || fault == std::errc::invalid_argument || end != text.data() + text.size())
        return std::nullopt;
    return fault == std::errc{} ? n : text.front() == '-' ? INT32_MIN : INT32_MAX;
}

template <class Words>
std::string joined(const Words& words)
{
    std::string text;
    for (const std::string_view word : words)
        text.append(text.empty() ? "" : ", ").append(word);
    return text;
}

// For messages: what a filter on the member wants.
std::string one_value_of(const column& of)
{
    const auto& value = of.is_list ? *of.value->inner : *of.value;
    if (of.part == column_part::amount || value.what == kind::integer)
        return "a whole number";
    switch (value.what)
    {
    case kind::enumeration:
        return "one of " + joined(std::span{value.names, value.count});
    case kind::boolean:
        return "true or false";
    case kind::id:
        return "an id " + std::string{value.prefix} + "_…";
    case kind::moment:
        return "a time as RFC 3339 writes it";
    case kind::day:
        return "a day as YYYY-MM-DD";
    default:
        return "a value of this member";
    }
}

// One reading of a query string; collects all faults.
class query_reader
{
public:
    query_reader(const list_shape& shape) : shape_(shape) { ask_.sort = shape.column_named(shape.sorts.front()); }

    void read(const std::string& name, const std::string& value)
    {
        const auto bracket = name.find('[');
        const std::string plain = snake_case(std::string_view{name}.substr(0, bracket));
        const std::string suffix = bracket == std::string::npos ? "" : name.substr(bracket);
        if (!seen_.insert(plain + suffix).second)
            faults_.push_back(wrong(name, "duplicate", "is given twice"));
        else if (suffix.empty() && read_control(plain, name, value))
            return;
        else
            read_filter(plain, suffix, name, value);
    }

    list_ask& ask() { return ask_; }
    faults& found() { return faults_; }
    const std::optional<std::string>& cursor() const { return cursor_; }
    bool has_offset() const { return seen_.contains("offset"); }

private:
    bool read_control(const std::string& plain, const std::string& name, const std::string& value)
    {
        if (plain == "limit")
            read_limit(name, value);
        else if (plain == "offset")
            read_offset(name, value);
        else if (plain == "sort")
            read_sort(name, value);
        else if (plain == "archived")
            read_archived(name, value);
        else if (plain == "cursor")
            cursor_ = value;
        else if (plain == "q" && !shape_.searched.empty())
            read_words(name, value);
        else
            return false;
        return true;
    }

    void read_limit(const std::string& name, const std::string& value)
    {
        const auto n = small_number(value);
        if (!n)
            faults_.push_back(wrong(name, "mistyped", "must be a whole number"));
        else if (*n < 1)
            faults_.push_back(wrong(name, "too_small", "must be at least 1"));
        else
            ask_.limit = std::min(*n, limit_max);
    }

    void read_offset(const std::string& name, const std::string& value)
    {
        const auto n = small_number(value);
        if (!n)
            faults_.push_back(wrong(name, "mistyped", "must be a whole number"));
        else if (*n < 0)
            faults_.push_back(wrong(name, "too_small", "must be at least 0"));
        else if (*n > offset_max)
            faults_.push_back(wrong(name, "too_large", "must be at most 10,000; use the cursor to go further"));
        else
            ask_.offset = *n;
    }

    void read_sort(const std::string& name, const std::string& value)
    {
        const bool is_descending = value.starts_with('-');
        const std::string key = snake_case(std::string_view{value}.substr(is_descending ? 1 : 0));
        if (std::ranges::find(shape_.sorts, key) == shape_.sorts.end())
            return faults_.push_back(
                wrong(name, "not_one_of", "must be one of " + joined(shape_.sorts) + ", with a hyphen for descending"));
        ask_.sort = shape_.column_named(key);
        ask_.is_descending = is_descending;
    }

    void read_archived(const std::string& name, const std::string& value)
    {
        if (value == "false")
            ask_.archived = archived_rows::hidden;
        else if (value == "true")
            ask_.archived = archived_rows::alone;
        else if (value == "any")
            ask_.archived = archived_rows::shown;
        else
            faults_.push_back(wrong(name, "not_one_of", "must be false, true or any"));
    }

    void read_words(const std::string& name, const std::string& value)
    {
        const std::string text = schema::nfc(value);
        const auto words = schema::words(text);
        if (schema::code_points(value) > sought_code_points_max)
            return faults_.push_back(wrong(name, "too_long", "must have at most 200 characters"));
        if (words.size() > sought_words_max)
            return faults_.push_back(wrong(name, "too_many", "must have at most 8 words"));
        if (words.empty())
            return faults_.push_back(wrong(name, "too_short", "must have a word"));
        ask_.sought.assign(words.begin(), words.end());
        std::ranges::sort(ask_.sought);
        ask_.sought.erase(std::ranges::unique(ask_.sought).begin(), ask_.sought.end());
    }

    const column* filtered(const std::string& plain) const
    {
        for (const auto& candidate : {plain, plain + 's'})
            if (std::ranges::find(shape_.filters, candidate) != shape_.filters.end())
                if (const column* found = shape_.column_named(candidate); candidate == plain || found->is_list)
                    return found;
        return nullptr;
    }

    void read_filter(const std::string& plain, const std::string& suffix, const std::string& name,
                     const std::string& value)
    {
        filter made{filtered(plain)};
        if (made.of == nullptr)
            return faults_.push_back(wrong(name, "unknown", "is not a parameter of this list"));
        made.is_folded = std::ranges::find(shape_.folded, made.of->name) != shape_.folded.end();
        if (suffix.empty())
            return read_values(std::move(made), name, value);

        static constexpr std::pair<std::string_view, comparison> known[] = {
            {"[gte]", comparison::gte}, {"[gt]", comparison::gt}, {"[lte]", comparison::lte}, {"[lt]", comparison::lt}};
        const auto found = std::ranges::find(known, suffix, [](const auto& each) { return each.first; });
        if (found == std::end(known) || !list_shape::has_range(*made.of))
            return faults_.push_back(wrong(name, "unknown", "this comparison is not known for this member"));
        made.how = found->second;
        if (auto text = column_text(*made.of, value))
            made.values.push_back(std::move(*text));
        else
            return faults_.push_back(wrong(name, "mistyped", "is not " + one_value_of(*made.of)));
        ask_.filters.push_back(std::move(made));
    }

    void read_values(filter made, const std::string& name, const std::string& value)
    {
        const auto parts = split(value, ',');
        if (parts.size() > filter_values_max)
            return faults_.push_back(wrong(name, "too_many", "holds too many values"));
        const bool may_be_null = made.of->is_nullable || made.of->is_list;
        for (const auto part : parts)
        {
            auto text = part.empty() ? std::nullopt : column_text(*made.of, part);
            if (part == "null" && may_be_null)
                made.or_null = true;
            else if (text && made.of->value->what == kind::text)
                made.values.push_back(schema::nfc(*text));
            else if (text)
                made.values.push_back(std::move(*text));
            else
                return faults_.push_back(wrong(
                    name, "mistyped", "holds what is not " + one_value_of(*made.of) + (may_be_null ? " or null" : "")));
        }
        std::ranges::sort(made.values);
        made.values.erase(std::ranges::unique(made.values).begin(), made.values.end());
        ask_.filters.push_back(std::move(made));
    }

    const list_shape& shape_;
    list_ask ask_;
    faults faults_;
    std::set<std::string> seen_;
    std::optional<std::string> cursor_;
};

// -- Cursors: 16 bytes of signature, the id, a byte of marks, the value.

constexpr char has_value = 1, leads_back = 2;

void add_part(std::string& to, std::string_view part)
{
    to.append(std::to_string(part.size())).append(":").append(part);
}

std::string signature(const list_ask& ask, const list_place& place, std::string_view payload, std::string_view secret)
{
    std::string bound;
    add_part(bound, place.tenant.text());
    add_part(bound, place.route);
    add_part(bound, ask.sort->name);
    add_part(bound, ask.is_descending ? "-" : "+");
    add_part(bound, std::to_string(static_cast<int>(ask.archived)));
    for (const auto& each : ask.filters)
    {
        add_part(bound, each.of->name);
        add_part(bound, std::to_string(static_cast<int>(each.how)) + (each.or_null ? "n" : ""));
        add_part(bound, std::to_string(each.values.size()));
        for (const auto& value : each.values)
            add_part(bound, value);
    }
    add_part(bound, std::to_string(ask.sought.size()));
    for (const auto& word : ask.sought)
        add_part(bound, word);
    add_part(bound, payload);
    const auto digest = schema::hmac_sha256(secret, bound);
    return {reinterpret_cast<const char*>(digest.data()), 16};
}

std::optional<seek> read_cursor(const list_ask& ask, const list_place& place, std::string_view text,
                                std::string_view secret)
{
    const auto bytes = schema::from_base64url(text);
    if (!bytes || bytes->size() < 16 + 16 + 1)
        return std::nullopt;
    const auto payload = std::string_view{*bytes}.substr(16);
    if (!schema::same_secret(signature(ask, place, payload, secret), std::string_view{*bytes}.substr(0, 16)))
        return std::nullopt;
    seek found;
    std::memcpy(found.id.bytes.data(), payload.data(), 16);
    if ((payload[16] & has_value) != 0)
        found.value = payload.substr(17);
    found.is_before = (payload[16] & leads_back) != 0;
    return found;
}

// -- Statements.

// An enumeration sorts in the order of its declaration, everything else as its column does.
std::string sort_expression(const column& by)
{
    if (by.value->what != kind::enumeration)
        return "t." + by.name;
    std::string order = "case t." + by.name;
    for (std::size_t i = 0; i < by.value->count; ++i)
        order += " when '" + std::string{by.value->names[i]} + "' then " + std::to_string(i);
    return order + " else " + std::to_string(by.value->count) + " end";
}

std::string sort_type(const column& by)
{
    return by.value->what == kind::enumeration ? "integer" : std::string{by.sql_type};
}

// Compared in capitals, which are one form of what is written in many (ß and SS, ς and σ); ICU's are the same under
// every locale of the database.
std::string in_capitals(const std::string& text) { return "upper((" + text + ") collate \"und-x-icu\")"; }

// Close to Unicode's full case folding, by which e-mails are claimed: first small, so that ẞ is ß, and the dotless ı is
// kept apart from i.
std::string in_one_case(const std::string& text)
{
    return in_capitals("lower(replace(" + text + ", 'ı', U&'\\E131') collate \"und-x-icu\")");
}

// As a regular expression that means only itself.
std::string literally(std::string_view word)
{
    std::string made;
    for (const char c : word)
    {
        if (std::string_view{"\\^$.|?*+()[]{}"}.find(c) != std::string_view::npos)
            made.push_back('\\');
        made.push_back(c);
    }
    return made;
}

bool is_sign(char c)
{
    const bool is_letter_or_digit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return static_cast<unsigned char>(c) < 0x80 && !is_letter_or_digit;
}

class conditions
{
public:
    explicit conditions(planned how) : how_(how) {}

    std::string argument(std::string value, std::string_view type)
    {
        arguments.push_back(std::move(value));
        const auto nth = arguments.size();
        const auto read =
            how_ == planned::for_values ? "($1)[" + std::to_string(nth) + ']' : '$' + std::to_string(nth + 2);
        return read + "::" + std::string{type};
    }

    void require(const std::string& condition) { text += (text.empty() ? " where " : " and ") + condition; }

    void add(const filter& each)
    {
        static constexpr std::string_view signs[] = {"", " >= ", " > ", " <= ", " < "};
        const std::string name = each.is_folded ? in_one_case("t." + each.of->name) : "t." + each.of->name;
        if (each.how != comparison::one_of)
            return require(name + std::string{signs[static_cast<int>(each.how)]} +
                           argument(each.values.front(), each.of->sql_type));
        std::string any;
        for (const auto& value : each.values)
        {
            const auto given = argument(value, element_type(*each.of));
            any += (any.empty() ? "" : ", ") + (each.is_folded ? in_one_case(given) : given);
        }
        if (each.of->is_list)
        {
            if (!any.empty())
                any = name + " && array[" + any + "]";
            if (each.or_null)
                any += (any.empty() ? "" : " or ") + name + " = '{}'";
        }
        else
        {
            if (!any.empty())
                any = name + " in (" + any + ")";
            if (each.or_null)
                any += (any.empty() ? "" : " or ") + name + " is null";
        }
        require("(" + any + ")");
    }

    // A word begins a text, follows what is neither letter nor digit, or begins with such a sign itself. No index
    // serves this under row security: rows are looked at along the index of the order until the page is full.
    void add(const std::vector<std::string>& sought, const std::vector<std::string_view>& searched)
    {
        std::string columns;
        for (const auto name : searched)
            columns += ", t." + std::string{name};
        std::string all;
        for (const auto& word : sought)
            all += (all.empty() ? "" : ", ") + std::string{is_sign(word.front()) ? "" : "'(^|[^[:alnum:]])' || "} +
                   in_capitals(argument(literally(word), "text"));
        require(in_capitals("concat_ws(' '" + columns + ")") + " ~ all (array[" + all + "])");
    }

    void add(const seek& beside, const column& by, bool is_descending)
    {
        const std::string key = sort_expression(by);
        const std::string id = (beside.is_before ? "t.id < " : "t.id > ") + argument(beside.id.text(), "uuid");
        if (!beside.value)  // nulls come last
            return require(beside.is_before ? "(" + key + " is not null or " + id + ")" : key + " is null and " + id);
        const std::string value = argument(*beside.value, sort_type(by));
        const bool goes_down = is_descending != beside.is_before;
        const std::string beyond = key + (goes_down ? " < " : " > ") + value;
        if (by.is_nullable && !beside.is_before)
            require("(" + beyond + " or (" + key + " = " + value + " and " + id + ") or " + key + " is null)");
        else  // the first half bounds the index scan
            require(key + (goes_down ? " <= " : " >= ") + value + " and (" + beyond + " or " + id + ")");
    }

    std::string text;
    std::vector<std::string> arguments;

private:
    static std::string element_type(const column& of)
    {
        return of.is_list ? std::string{of.sql_type.substr(0, of.sql_type.size() - 2)} : std::string{of.sql_type};
    }

    planned how_;
};

std::string rows_from(const list_shape& shape, planned how)
{
    std::string picked = how == planned::for_values ? "select $2, " : "select ";
    for (const auto& each : shape.columns)
        picked += (&each == shape.columns.data() ? "t." : ", t.") + each.name;
    return picked + " from {" + std::string{shape.of->name} + "} t";
}

std::string no_rows(const list_shape& shape)
{
    std::string header = "select $2";
    for (const auto& each : shape.columns)
        header += ", null::" + std::string{each.sql_type};
    return header;
}

void require_parent(conditions& where, const std::optional<under>& parent)
{
    if (parent)
        where.require("t." + std::string{parent->column} + " = " + where.argument(parent->id.text(), "uuid"));
}
}  // namespace

list_shape::list_shape(const definition& given, std::vector<std::string_view> filtered,
                       std::vector<std::string_view> sorted, std::vector<std::string_view> sought_in,
                       std::vector<std::string_view> compared_folded)
    : of(&given)
    , columns(columns_of(*given.record))
    , filters(std::move(filtered))
    , sorts(std::move(sorted))
    , searched(std::move(sought_in))
    , folded(std::move(compared_folded))
{
    CF_ASSERT(!sorts.empty());
    for (const auto names : {std::span{filters}, std::span{sorts}, std::span{searched}, std::span{folded}})
        for (const auto name : names)
            CF_ASSERT(column_named(name) != nullptr);
    for (const auto name : sorts)  // what a cursor can hold, see seek_value
        CF_ASSERT(!column_named(name)->is_list);
}

const column* list_shape::column_named(std::string_view name) const
{
    const auto found = std::ranges::find(columns, name, [](const column& each) { return std::string_view{each.name}; });
    return found == columns.end() ? nullptr : &*found;
}

bool list_shape::has_range(const column& of)
{
    return !of.is_list && of.part == column_part::whole &&
           (of.value->what == kind::integer || of.value->what == kind::day || of.value->what == kind::moment);
}

schema::result<list_ask, schema::faults> read_list_query(const list_shape& shape, const parameters& given,
                                                         const list_place& place, std::string_view cursor_secret)
{
    query_reader reading{shape};
    for (const auto& [name, value] : given)
        reading.read(name, value);
    auto& ask = reading.ask();
    std::ranges::sort(ask.filters, {}, [](const filter& each) { return std::pair{each.of->name, each.how}; });
    if (reading.cursor() && reading.has_offset())
        reading.found().push_back(wrong("offset", "conflict", "goes with pages by number, not with a cursor"));
    if (!reading.found().empty())
        return std::move(reading.found());
    if (reading.cursor())
    {
        ask.beside = read_cursor(ask, place, *reading.cursor(), cursor_secret);
        if (!ask.beside)
            return faults{
                wrong("cursor", "bad_cursor", "is not a cursor of this list with these filters and this sort")};
    }
    return std::move(ask);
}

statement list_statement(const list_shape& shape, const list_ask& ask, std::optional<under> parent, planned how)
{
    conditions where{how};
    require_parent(where, parent);
    if (ask.archived != archived_rows::shown)
        where.require(ask.archived == archived_rows::hidden ? "t.archived_at is null" : "t.archived_at is not null");
    for (const auto& each : ask.filters)
        where.add(each);
    if (!ask.sought.empty())
        where.add(ask.sought, shape.searched);
    if (ask.beside)
        where.add(*ask.beside, *ask.sort, ask.is_descending);

    const bool goes_back = ask.goes_back();
    std::string order = " order by " + sort_expression(*ask.sort);
    order += ask.is_descending != goes_back ? " desc" : " asc";
    if (ask.sort->is_nullable)
        order += goes_back ? " nulls first" : " nulls last";
    order += goes_back ? ", t.id desc" : ", t.id";
    order += " limit " + where.argument(std::to_string(ask.limit + 1), "bigint");
    if (ask.offset > 0)
        order += " offset " + std::to_string(ask.offset);
    return {rows_from(shape, how) + where.text + order, no_rows(shape), std::move(where.arguments)};
}

bool is_read_along_order(const list_shape& shape, const list_ask& ask)
{
    const auto is_plain = [](const filter& each) {
        const auto what = each.of->value->what;
        return each.how == comparison::one_of && each.values.size() == 1 && !each.or_null && !each.of->is_list &&
               (what == kind::id || what == kind::enumeration || what == kind::boolean);
    };
    return ask.offset == 0 && ask.sought.empty() && ask.sort == shape.column_named(shape.sorts.front()) &&
           std::ranges::all_of(ask.filters, is_plain);
}

statement get_statement(const list_shape& shape, const uuid& id, std::optional<under> parent, planned how)
{
    conditions where{how};
    where.require("t.id = " + where.argument(id.text(), "uuid"));
    require_parent(where, parent);
    return {rows_from(shape, how) + where.text, no_rows(shape), std::move(where.arguments)};
}

std::string cursor_from(const list_ask& ask, const list_place& place, const seek& row, std::string_view cursor_secret)
{
    std::string payload{reinterpret_cast<const char*>(row.id.bytes.data()), row.id.bytes.size()};
    payload.push_back(static_cast<char>((row.value ? has_value : 0) | (row.is_before ? leads_back : 0)));
    payload.append(row.value.value_or(""));
    return schema::base64url(signature(ask, place, payload, cursor_secret) + payload);
}

std::optional<std::string> seek_value(const list_ask& ask, cell bytes)
{
    if (!bytes)
        return std::nullopt;
    auto text = text_of(*ask.sort, *bytes);
    if (ask.sort->value->what != kind::enumeration)
        return text;
    const std::span names{ask.sort->value->names, ask.sort->value->count};
    return std::to_string(std::ranges::find(names, text) - names.begin());
}
}  // namespace projection
