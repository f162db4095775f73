// The codecs of what holds other values: records, lists, maps, variants, optionals, patches and personal values.
#include "schemas/walk.hpp"

namespace schema
{
namespace
{
using json::node;
using json::node_type;

constexpr std::string_view tag = "type";           // which alternative of a variant an object is
constexpr std::string_view seal_mark = "$sealed";  // the only member of a sealed value

bool expect_object(reader& in, const node& given)
{
    const node_type found = json::type_of(given);
    if (found == node_type::null)
        in.refuse("null", "Must not be null.");
    else if (found != node_type::object)
        in.refuse("mistyped", "Must be an object.");
    return found == node_type::object;
}

std::size_t items_max(const field_row& row) { return row.items_max ? row.items_max : items_default_max; }

bool has_good_count(reader& in, const field_row& row, std::size_t count)
{
    if (!in.strict || count <= items_max(row))
        return true;
    in.refuse("too_many", "Must have at most " + counted(static_cast<std::int64_t>(items_max(row)), "item") + '.');
    return false;
}

std::size_t count_of(const node& array)
{
    std::size_t count = 0;
    for (json::elements walk{array}; walk.next();)
        ++count;
    return count;
}

bool is_repeated(const leaf& type, const void* list, std::size_t last)
{
    for (std::size_t i = 0; i < last; ++i)
        if (type.reach->same(list, i, last))
            return true;
    return false;
}
}  // namespace

namespace codec
{
void read_record(reader& in, const leaf& type, node given, const field_row&, void* into)
{
    if (expect_object(in, given))
        read_rows(in, *type.record, given, into);
}

void write_record(writer& out, const leaf& type, const field_row&, const void* from)
{
    write_rows(out, *type.record, from);
}

void read_list(reader& in, const leaf& type, node given, const field_row& row, void* into)
{
    const node_type found = json::type_of(given);
    if (found != node_type::array)
    {
        if (found == node_type::null)
            in.refuse("null", "Must not be null.");
        else
            in.refuse("mistyped", "Must be a list.");
        return;
    }
    if (!has_good_count(in, row, count_of(given)))
        return;
    type.reach->clear(into);
    for (json::elements walk{given}; walk.next();)
    {
        const inside item{in, walk.index};
        const std::size_t faults_before = in.found().size();
        type.inner->read(in, *type.inner, walk.value, row, type.reach->fill(into, walk.index));
        const bool fine = in.found().size() == faults_before;
        if (fine && in.strict && type.reach->same && is_repeated(type, into, walk.index))
            in.refuse("duplicate", "Is in the list already.");
    }
}

void write_list(writer& out, const leaf& type, const field_row& row, const void* from)
{
    out.to.begin_array();
    const std::size_t count = type.reach->count(from);
    for (std::size_t i = 0; i < count; ++i)
    {
        const inside item{out, i};
        type.inner->write(out, *type.inner, row, type.reach->look(from, i));
    }
    out.to.end_array();
}

void read_map(reader& in, const leaf& type, node given, const field_row& row, void* into)
{
    if (!expect_object(in, given))
        return;
    std::size_t count = 0;
    for (json::members walk{given}; walk.next();)
        ++count;
    if (!has_good_count(in, row, count))
        return;

    field_row of_keys;
    of_keys.min = 1;
    of_keys.each_max = row.each_max;
    type.entries->clear(into);
    for (json::members walk{given}; walk.next();)
    {
        const inside entry{in, walk.key};
        std::string key;
        if (!keep_text(in, of_keys, walk.key, key))
            continue;
        if (void* value = type.entries->insert(into, std::move(key)))
            type.inner->read(in, *type.inner, walk.value, row, value);
        else
            in.refuse("duplicate", "Is there already, in another spelling.");
    }
}

void write_map(writer& out, const leaf& type, const field_row& row, const void* from)
{
    struct entry
    {
        writer& out;
        const leaf& inner;
        const field_row& row;
    } each{out, *type.inner, row};

    out.to.begin_object();
    type.entries->each(from, &each, [](void* context, std::string_view key, const void* value) {
        const auto& held = *static_cast<entry*>(context);
        const inside member{held.out, key};
        held.out.to.key(key);
        held.inner.write(held.out, held.inner, held.row, value);
    });
    out.to.end_object();
}

void read_one_of(reader& in, const leaf& type, node given, const field_row&, void* into)
{
    if (!expect_object(in, given))
        return;
    node named;
    const bool is_named = json::find(given, tag, named);
    if (is_named && json::type_of(named) == node_type::text)
    {
        const std::string_view name = json::text_of(named);
        for (std::size_t i = 0; i < type.count; ++i)
            if (type.alternatives[i]->name == name)
                return read_rows(in, *type.alternatives[i], given, type.reach->fill(into, i), tag);
    }
    const inside member{in, tag};
    if (!is_named)
        return in.refuse("required", "Must be given.");
    std::string sentence = "Must be one of: ";
    for (std::size_t i = 0; i < type.count; ++i)
        sentence.append(i == 0 ? "" : ", ").append(type.alternatives[i]->name);
    in.refuse("not_one_of", sentence + '.');
}

void write_one_of(writer& out, const leaf& type, const field_row&, const void* from)
{
    write_rows(out, *type.alternatives[type.reach->count(from)], type.reach->look(from, 0), tag);
}

void read_optional(reader& in, const leaf& type, node given, const field_row& row, void* into)
{
    if (json::type_of(given) != node_type::null)
        type.inner->read(in, *type.inner, given, row, type.reach->fill(into, 0));
    else if (in.strict && row.not_null)
        in.refuse("null", "Must not be null.");
    else
        type.reach->clear(into);
}

void write_optional(writer& out, const leaf& type, const field_row& row, const void* from)
{
    if (const void* held = type.reach->look(from, 0))
        type.inner->write(out, *type.inner, row, held);
    else
        out.to.null();
}

namespace
{
// The parts of `{"$sealed": {"s", "k", "n", "c"}}`; false when it is not one.
bool take_apart(const node& given, sealed_value& sealed)
{
    node held;
    node part;
    if (!json::find(given, seal_mark, held) || json::type_of(held) != node_type::object)
        return false;
    const auto text = [&](std::string_view key) {
        return json::find(held, key, part) && json::type_of(part) == node_type::text;
    };

    if (!text("s"))
        return false;
    const auto subject = uuid::parse(json::text_of(part));
    if (!subject || !json::find(held, "k", part) || json::type_of(part) != node_type::integer)
        return false;
    sealed.subject = *subject;
    sealed.key_version = static_cast<std::int32_t>(json::integer_of(part));
    if (!text("n"))
        return false;
    sealed.nonce = json::text_of(part);
    if (!text("c"))
        return false;
    sealed.ciphertext = json::text_of(part);
    return true;
}

bool is_sealed(const node& given)
{
    if (json::type_of(given) != node_type::object)
        return false;
    json::members walk{given};
    return walk.next() && walk.key == seal_mark && !walk.next();
}

void read_sealed(reader& in, const leaf& type, const node& given, const field_row& row, void* into)
{
    sealed_value sealed;
    if (!take_apart(given, sealed))
        return in.refuse("mistyped", "Must be a sealed value.");
    const auto clear = in.open ? in.open->open(sealed, pointer_of(in.here)) : std::nullopt;
    if (!clear)
        return type.reach->clear(into);

    json::document document;
    if (!document.parse(*clear))
        return in.refuse("malformed", "What was sealed is not JSON.");
    type.inner->read(in, *type.inner, document.root(), row, type.reach->fill(into, 0));
}
}  // namespace

// Null stands for "forgotten", unless the value itself may be null.
void read_personal(reader& in, const leaf& type, node given, const field_row& row, void* into)
{
    if (!in.strict && is_sealed(given))
        return read_sealed(in, type, given, row, into);
    if (!in.strict && json::type_of(given) == node_type::null && type.inner->what != kind::optional)
        return type.reach->clear(into);
    type.inner->read(in, *type.inner, given, row, type.reach->fill(into, 0));
}
}  // namespace codec
}  // namespace schema
