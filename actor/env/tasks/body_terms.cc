#include "actor/env/tasks/body_terms.h"

#include <string>

#include "actor/env/numpy_math.h"

namespace pmoe {

double TotalMass(const mjModel& model) {
  return NumpySum({model.body_mass, static_cast<size_t>(model.nbody)});
}

// Summed in body order like np.einsum("b,bj->j"), not pairwise like np.sum.
double CenterOfMass(const mjModel& model, const mjData& data, double total_mass, int axis) {
  double moment = 0.0;
  for (int body = 0; body < model.nbody; ++body) {
    moment += model.body_mass[body] * data.xipos[3 * body + axis];
  }
  return moment / total_mass;
}

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
