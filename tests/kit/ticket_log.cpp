#include "tests/kit/ticket_log.hpp"

#include <array>
#include <fstream>
#include <string>

namespace kit
{
void write_ticket_log(const std::filesystem::path& file, int tickets)
{
    std::ofstream out{file};
    out << "case,at,activity,agent,customer,product,priority,service_level,workgroup\n";
    const std::array<const char*, 9> course{
        "Assign seriousness",    "Take in charge ticket", "Wait",   "Create SW anomaly", "Resolve ticket",
        "Take in charge ticket", "Resolve ticket",        "Closed", "VERIFIED"};
    for (std::size_t step = 0; step < course.size(); ++step)
        for (int ticket = 0; ticket < tickets; ++ticket)
        {
            const bool ends_early = ticket % 3 == 0 && step > 6;
            const bool never_verified = ticket % 5 != 0 && step == 8;
            if (ends_early || never_verified)
                continue;
            const int customer = (ticket % 7 == 0 && step > 3) ? ticket % 11 + 1 : ticket % 11;
            const auto row = "Case " + std::to_string(ticket) + ",2012-0" + std::to_string(step + 1) +
                             "-15T08:00:00Z," + course[step] + ",Agent " +
                             std::to_string((ticket + static_cast<int>(step)) % 4) + ",Customer " +
                             std::to_string(customer) + ",Product " + std::to_string(ticket % 3) + ",Priority " +
                             std::to_string(1 + (step > 4 ? 1 : 0)) + ",Level 2,Group 1\n";
            out << row;
            if (ticket % 13 == 0)
                out << row;
        }
}
}  // namespace kit
