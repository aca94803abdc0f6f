// The columns of metrics.csv; docs/metrics.md explains each. Pure function.
#pragma once

#include <string>
#include <vector>

namespace pmoe {

// Column names of metrics.csv in order; `info`: the names in observe.info.
std::vector<std::string> MetricColumns(int primitives, const std::vector<std::string>& info = {});

}  // namespace pmoe
