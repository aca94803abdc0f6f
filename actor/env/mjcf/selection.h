// The numbers that a task file's Slice names, and finding them. The numbers stay where they are for
// as long as the environment lives.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "actor/env/mjcf/commands.h"
#include "actor/env/mjcf/computed_arrays.h"
#include "actor/env/mjcf/control_map.h"
#include "actor/env/mjcf/place.h"
#include "mujoco/mujoco.h"
#include "proto/task.pb.h"

namespace pmoe {

class Selection {
 public:
  // names: of each number of the part; without them names() lacks some.
  void Add(absl::Span<double> part, std::vector<std::string> names = {});

  size_t size() const { return size_; }
  const std::vector<std::string>& names() const { return names_; }  // [size()] "qpos.knee"
  // One after the other; only a selection of several parts is copied, to `scratch`.
  absl::Span<const double> Values(std::vector<double>* scratch) const;
  void CopyTo(double* values) const;
  // For the start pose, which writes.
  absl::Span<const absl::Span<double>> parts() const { return parts_; }

 private:
  std::vector<absl::Span<double>> parts_;
  std::vector<std::string> names_;
  size_t size_ = 0;
};

// All that a slice can be of. Borrows everything.
struct SliceSource {
  const mjModel* model;
  mjData* data;
  ComputedArrays* computed;
  const Commands* commands;
  ControlMap* controls;
};

// InvalidArgumentError, without the place in the file: no array, no such name (near ones are
// listed), a range that does not fit.
absl::StatusOr<Selection> FindSlice(const Slice& slice, const SliceSource& source);
// The same with its place.
absl::StatusOr<Selection> FindSlice(const Slice& slice, const SliceSource& source,
                                    const Place& place);

// Whether the array is only filled by mj_rnePostConstraint.
inline bool NeedsPostConstraint(SimulatorArray array) { return array == CFRC_EXT; }

}  // namespace pmoe
