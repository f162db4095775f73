// The read models of the program before usage was counted by month: clients, members, comments and projects counted
// less, under the definition's first number.
#pragma once

#include "projections/runner/definition.hpp"

#include <span>
#include <vector>

namespace projection_tests
{
class earlier_program
{
public:
    earlier_program();
    earlier_program(const earlier_program&) = delete;
    earlier_program& operator=(const earlier_program&) = delete;

    // Of all read models, in the catalogue's order; they live as long as the object.
    std::span<const projection::definition* const> read_models() const { return all_; }

private:
    std::vector<projection::definition> made_;
    std::vector<const projection::definition*> all_;
};
}  // namespace projection_tests
