#include "http/me.hpp"

#include "http/server/query_route.hpp"
#include "projections/member.hpp"
#include "projections/org.hpp"

#include <array>

namespace me
{
namespace
{
template <class Item>
std::optional<Item> look(http::call& c, http::query_context& with, const projection::list_shape& shape,
                         const schema::uuid& id)
{
    const auto found = with.models.get(shape, c.who->tenant, id);
    http::take_position(c, found.as_of);
    if (!found.data)
        return std::nullopt;
    auto read = schema::read_json<Item>(*found.data, schema::reading::stored);
    return read ? std::optional<Item>{std::move(*read)} : std::nullopt;
}

void get(http::call& c, http::query_context& with)
{
    if (!http::expect_no_parameters(c))
        return;
    const http::principal& who = *c.who;
    item shown;
    shown.key_id = who.key;
    shown.scopes = who.scopes;
    shown.expires_at = who.expires_at;
    shown.requests_per_minute = who.requests_per_minute;
    shown.org_id.value = who.tenant;
    shown.org = look<org::item>(c, with, org::listing(), who.tenant);
    if (who.member)
    {
        shown.member_id = member::member_id{*who.member};
        shown.member = look<member::item>(c, with, member::listing(), *who.member);
    }
    std::string text;
    schema::write_json(shown, text);
    c.answer_json(std::move(text));
}

constexpr http::route row()
{
    auto made = http::item_row("/api/v1/me", "getMe", "Shows who the key is.", get, schema::schema_of<item>);
    made.scope = http::needs::any_key;
    made.shape = http::answer_shape::other;
    return made;
}

constexpr std::array table{row()};
}  // namespace

std::span<const http::route> routes() { return table; }
}  // namespace me
