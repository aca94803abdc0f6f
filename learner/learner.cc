#include "learner/learner.h"

namespace pmoe {

absl::Status Learner::Update(Minibatch*) {
  return absl::UnimplementedError("this algorithm learns from rollouts, not from minibatches");
}

absl::Status Learner::Update(const Rollout&) {
  return absl::UnimplementedError("this algorithm learns from minibatches, not from rollouts");
}

}  // namespace pmoe
