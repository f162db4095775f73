#include "http/server/metrics.hpp"

#include <doctest/doctest.h>

TEST_CASE("metrics are written as Prometheus reads them")
{
    http::metrics_text text;
    text.family("clientflow_things", "gauge", "Things.");
    text.sample({}, 3);
    text.sample({{"kind", "a\"b\\c\nd"}}, 0.5);
    CHECK(text.text() == "# HELP clientflow_things Things.\n"
                         "# TYPE clientflow_things gauge\n"
                         "clientflow_things 3\n"
                         "clientflow_things{kind=\"a\\\"b\\\\c\\nd\"} 0.5\n");
}

TEST_CASE("a histogram is cumulated and ends in +Inf")
{
    const double bounds[] = {0.1, 1};
    const std::uint64_t counts[] = {2, 0, 1};
    http::metrics_text text;
    text.family("d", "histogram", "D.");
    text.histogram({{"r", "x"}}, bounds, counts, 5.5);
    CHECK(text.text() ==
          "# HELP d D.\n# TYPE d histogram\n"
          "d_bucket{r=\"x\",le=\"0.1\"} 2\nd_bucket{r=\"x\",le=\"1\"} 2\nd_bucket{r=\"x\",le=\"+Inf\"} 3\n"
          "d_sum{r=\"x\"} 5.5\nd_count{r=\"x\"} 3\n");
}

TEST_CASE("requests are counted by route and class of status")
{
    http::route_metrics counted{2};
    counted.count(1, 201, 0.002);
    CHECK(counted.is_used(1, 1));
    CHECK_FALSE(counted.is_used(1, 3));
    CHECK_FALSE(counted.is_used(0, 1));
}
