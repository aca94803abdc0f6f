#include "actor/env/mjcf/computed_arrays.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace pmoe {

bool IsComputed(SimulatorArray array, mjtObj* kind) {
  *kind = array == GEOM_CONTACT ? mjOBJ_GEOM : mjOBJ_BODY;
  return array == BODY_LINVEL || array == BODY_ANGVEL || array == PROJECTED_GRAVITY ||
         array == BODY_CONTACT || array == GEOM_CONTACT;
}

absl::Span<double> ComputedArrays::Add(SimulatorArray array, int id) {
  const bool flag = array == BODY_CONTACT || array == GEOM_CONTACT;
  return entries_.emplace_back(Entry{array, id, memory_->Allocate(flag ? 1 : 3)}).values;
}

void ComputedArrays::Refresh() {
  for (const Entry& entry : entries_) {
    switch (entry.array) {
      case BODY_LINVEL:
      case BODY_ANGVEL: {
        std::array<double, 6> velocity;  // angular, then linear
        mj_objectVelocity(model_, data_, mjOBJ_XBODY, entry.id, velocity.data(), /*flg_local=*/1);
        std::copy_n(velocity.begin() + (entry.array == BODY_LINVEL ? 3 : 0), 3,
                    entry.values.begin());
        break;
      }
      case PROJECTED_GRAVITY:
        ProjectGravity(data_->xmat + 9 * entry.id, model_->opt.gravity, entry.values.data());
        break;
      default:
        entry.values[0] = Touches(entry);
    }
  }
}

double ComputedArrays::Touches(const Entry& entry) const {
  for (int i = 0; i < data_->ncon; ++i) {
    const mjContact& contact = data_->contact[i];
    if (contact.efc_address < 0) continue;  // within the margin only
    for (const int geom : contact.geom) {
      if (geom < 0) continue;  // of a flex
      const int id = entry.array == GEOM_CONTACT ? geom : model_->geom_bodyid[geom];
      if (id == entry.id) return 1.0;
    }
  }
  return 0.0;
}

void ProjectGravity(const double* rotation, const double* gravity, double* down) {
  const double length = std::hypot(gravity[0], gravity[1], gravity[2]);
  std::array<double, 3> world = {0.0, 0.0, -1.0};
  if (length > 0) {
    for (int i = 0; i < 3; ++i) world[i] = gravity[i] / length;
  }
  for (int i = 0; i < 3; ++i) {
    down[i] = rotation[i] * world[0] + rotation[3 + i] * world[1] + rotation[6 + i] * world[2];
  }
}

}  // namespace pmoe
