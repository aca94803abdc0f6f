#include "actor/env/tasks/humanoid_observation.h"

#include <algorithm>

namespace pmoe {
namespace {

constexpr size_t kRootPositions = 2;  // x and y

// One observed array, and how many of its leading numbers are left out (the world body, the root
// joint).
struct Term {
  bool included;
  const double* values;
  size_t size;
  size_t skipped;
};

template <typename Visitor>
void VisitTerms(const HumanoidObservation& chosen, const mjModel& model, const mjData& data,
                Visitor visit) {
  const size_t bodies = model.nbody;
  const size_t dofs = model.nv;
  const size_t positions = model.nq;
  const size_t skipped = chosen.exclude_current_positions_from_observation ? kRootPositions : 0;
  const size_t worlds = chosen.whole ? 0 : 1;  // how many world bodies are left out
  const Term terms[] = {
      {true, data.qpos, positions, skipped},
      {true, data.qvel, dofs, 0},
      {chosen.include_cinert_in_observation, data.cinert, 10 * bodies, 10 * worlds},
      {chosen.include_cvel_in_observation, data.cvel, 6 * bodies, 6 * worlds},
      {chosen.include_qfrc_actuator_in_observation, data.qfrc_actuator, dofs,
       chosen.whole ? size_t{0} : HumanoidObservation::kDofsMin},
      {chosen.include_cfrc_ext_in_observation, data.cfrc_ext, 6 * bodies, 6 * worlds},
  };
  for (const Term& term : terms) {
    if (term.included) {
      visit(absl::MakeConstSpan(term.values + term.skipped, term.size - term.skipped));
    }
  }
}

}  // namespace

void HumanoidObservation::Read(const EnvRequest& request, EnvArgs* args) {
  args->Bool("exclude_current_positions_from_observation",
             &exclude_current_positions_from_observation);
  whole = request.version() <= 4;
  if (whole) return;
  args->Bool("include_cinert_in_observation", &include_cinert_in_observation);
  args->Bool("include_cvel_in_observation", &include_cvel_in_observation);
  args->Bool("include_qfrc_actuator_in_observation", &include_qfrc_actuator_in_observation);
  args->Bool("include_cfrc_ext_in_observation", &include_cfrc_ext_in_observation);
}

int HumanoidObservation::Size(const mjModel& model, const mjData& data) const {
  size_t size = 0;
  VisitTerms(*this, model, data,
             [&size](absl::Span<const double> values) { size += values.size(); });
  return static_cast<int>(size);
}

void HumanoidObservation::Write(const mjModel& model, const mjData& data,
                                absl::Span<double> obs) const {
  auto next = obs.begin();
  VisitTerms(*this, model, data, [&next](absl::Span<const double> values) {
    next = std::copy(values.begin(), values.end(), next);
  });
}

}  // namespace pmoe
