// Draws TargetReaching-v0 (Fig. 8): arena, target, obstacles, and the ways gone so far. An empty
// MuJoCo model seen from above, with shapes added to each frame. Thread-compatible.
#pragma once

#include <vector>

#include "actor/env/target_reaching.h"
#include "mujoco/mujoco.h"

namespace pmoe {

// The empty model; the caller's to delete.
mjModel* MakeArenaModel();

class ArenaScene {
 public:
  // Adds the shapes of the environment's present state. Remembers the position, so that the ways of
  // all episodes shown stay visible while the layout is the same.
  void AddTo(const TargetReaching& env, mjvScene* scene);

 private:
  std::vector<std::vector<Point>> ways_;
  Point target_{};
};

}  // namespace pmoe
