#include "tests/kit/projections/earlier.hpp"

#include "projections/catalogue.hpp"
#include "projections/client.hpp"
#include "projections/comment.hpp"
#include "projections/dashboard.hpp"
#include "projections/member.hpp"
#include "projections/project.hpp"

#include <algorithm>

namespace projection_tests
{
namespace
{
// What is counted of a row by the definition, without what it did not count under its first number.
template <const projection::definition& (*Of)()>
void counted_before(const void* row, std::vector<projection::share>& out)
{
    Of().shares(row, out);
    std::erase_if(out, [](const projection::share& each) {
        return each.counter == "project.budget" ||
               (each.counter.ends_with(".created") && each.counter != "project.created");
    });
}
}  // namespace

earlier_program::earlier_program()
{
    for (const auto* of : projection::read_models())
        made_.push_back(*of);
    const auto lower = [&](const projection::definition& of, auto shares) {
        auto& found = *std::ranges::find(made_, of.name, &projection::definition::name);
        found.version = 1;
        found.shares = shares;
    };
    lower(client::read_model(), counted_before<client::read_model>);
    lower(member::read_model(), counted_before<member::read_model>);
    lower(comment::read_model(), counted_before<comment::read_model>);
    lower(project::read_model(), counted_before<project::read_model>);
    for (const auto& each : made_)
        all_.push_back(&each);
}
}  // namespace projection_tests
