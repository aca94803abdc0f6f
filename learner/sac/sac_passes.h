// What the threads of a fast update of the SAC family share: networks with their rows, and the
// minibatch. Everything is allocated once. M members, C critics, B batch, K primitives, L actions
// per row with a gradient (K where every primitive is trained, else 1), O obs_dim, A action_dim.
// Where gating or MCP make one Gaussian of K, it is the only primitive that acts, and K is 1 but
// for what says "own".
#pragma once

#include <optional>
#include <vector>

#include "learner/kernels/compose_rows.h"
#include "learner/kernels/mixture.h"
#include "learner/kernels/net.h"
#include "learner/sac/row_stats.h"
#include "learner/sac/sac_nets.h"
#include "learner/sac/sac_options.h"

namespace pmoe {

// A minibatch for each member, one after the other; `shared`: the same one for all.
template <typename T>
struct SacRows {
  const T* obs = nullptr;       // [M, B, O]
  const T* action = nullptr;    // [M, B, A], normalised
  const T* reward = nullptr;    // [M, B]
  const T* discount = nullptr;  // [M, B], gamma^n, 0 after termination
  const T* next_obs = nullptr;  // [M, B, O]
  bool shared = false;
  const T* weight = nullptr;  // [M, B] of each row in the critics' loss; null: all 1
};

template <typename T>
struct SacRowNoise {
  const T* next_eps = nullptr;        // [M, B, K, A] standard normal, for the critic target
  const T* next_primitive = nullptr;  // [M, B] uniform in [0, 1), for k' ~ Cat(w(s'))
  const T* eps = nullptr;             // [M, B, K, A], for the policy loss
  const T* primitive = nullptr;       // [M, B] uniform: kReinforce
  const T* gumbel = nullptr;          // [M, B, K]: kGumbel
  double gumbel_tau = 1.0;
};

template <typename T>
struct SacPasses {
  SacPasses(const SacOptions& options, const PolicySpec& policy, SacNets* nets);

  long batch_row(int member, long row) const {
    return (rows.shared ? 0 : member * long{options.batch_size}) + row;
  }
  long noise_row(int member, long row) const { return member * long{options.batch_size} + row; }
  T* stats(int member, long row) {
    return row_stats.data() + noise_row(member, row) * SacRowStats(own_primitives);
  }

  SacOptions options;
  int obs_dim, action_dim;
  int primitives;      // that act: K, or 1 where all K make one
  int own_primitives;  // K
  int critics_per_member, live_per_row;
  double log_action_scale;
  std::optional<Composition> composition;  // gating and MCP
  NetPlan policy_plan, critic_plan;
  HeadColumns own_heads;  // of the net
  HeadColumns heads;      // that act
  int q_node;             // the critics' output
  Net<T> policy, critics, targets;
  std::optional<Net<T>> target_policy;                    // only with options.target_policy
  std::vector<NetRows<T>> policy_rows, policy_gradients;  // [M], B rows each
  std::vector<NetRows<T>> critic_rows, critic_gradients;  // [M * C], B rows each
  std::vector<NetRows<T>> ranked_rows;                    // [M * C], K * B rows each
  std::vector<NetRows<T>> ranked_gradients;               // [M * C], L * B rows each
  AlignedVector<T> row_stats;                             // [M, B, SacRowStats]
  AlignedVector<T> row_errors;                            // [M, B], of rows with weights
  // Of the update under way.
  SacRows<T> rows;
  SacRowNoise<T> noise;
  std::vector<T> alpha;  // [M]
};

}  // namespace pmoe
