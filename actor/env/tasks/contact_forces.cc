#include "actor/env/tasks/contact_forces.h"

#include <string>

#include "actor/env/numpy_math.h"

namespace pmoe {

double ContactCost(const mjModel& model, const mjData& data, double weight, const Range& range) {
  const absl::Span<const double> forces(data.cfrc_ext, 6 * static_cast<size_t>(model.nbody));
  return NumpyClip(weight * NumpySumOfSquares(forces), range.low, range.high);
}

bool ReadContactForcesOfV2(EnvArgs* args) {
  std::string forces = "zero";
  args->Choice("contact_forces", {"zero", "computed"}, &forces);
  return forces == "computed";
}

}  // namespace pmoe
