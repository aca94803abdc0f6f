// The heads of a squashed mixture for some rows: reading them from a net, drawing actions,
// densities, and the gradients of all that. Hand-derived; tests/learner/kernels/mixture_test.cc has
// finite differences. n rows, K primitives, S draws per row, A action_dim. Every array is flat,
// row-major.
#pragma once

#include "learner/kernels/aligned.h"
#include "learner/kernels/net.h"

namespace pmoe {

// Where a policy's heads stand among the nodes of its net.
struct HeadColumns {
  HeadColumns(const NetPlan& plan, bool has_router, int primitives, int action_dim);

  NodeColumns mean, log_std, router;  // router.node -1: none, w = 1
  int primitives;
  int action_dim;
};

// What the heads say of n rows.
template <typename T>
struct HeadRows {
  HeadRows(const HeadColumns& columns, long capacity);
  // Rows [row, row + n) of the net.
  void Read(const NetRows<T>& net, long row, long n);

  HeadColumns columns;
  AlignedVector<T> mean;     // [n, K, A] before tanh
  AlignedVector<T> log_std;  // [n, K, A] clamped to [-20, 2]
  AlignedVector<T> w;        // [n, K]
  AlignedVector<T> log_w;    // [n, K]
};

// u = mean + std eps, a = tanh(u), and log pi_k(a) of S Gaussians per row.
template <typename T>
struct Draws {
  Draws(int draws, int action_dim, long capacity);
  // All K Gaussians of the heads. eps: [n, K, A]
  void DrawAll(const HeadRows<T>& heads, const T* eps, long n);
  // One of them per row. eps: [n, K, A]; index: [n]
  void DrawOne(const HeadRows<T>& heads, const T* eps, const int* index, long n);

  const T* action_at(long row, int s) const {
    return action.data() + (row * draws + s) * action_dim;
  }

  int draws;                                 // S
  int action_dim;                            // A
  AlignedVector<T> mean, log_std, eps;       // [n, S, A], of the Gaussians that are drawn from
  AlignedVector<T> std, u, action, density;  // [n, S, A]
  AlignedVector<T> log_prob;                 // [n, S]

 private:
  void Draw(long n);
};

// log pi_mix of draw s of a row: logsumexp_k(log w_k + log N(u; mean_k, std_k)) - log |da/du|, and
// each primitive's share of it, [K].
template <typename T>
T MixtureLogProb(const HeadRows<T>& heads, const Draws<T>& draws, long row, int s, T* share);

// Gradients of a loss with respect to the heads of n rows, to be added up and written back.
template <typename T>
struct HeadGradients {
  HeadGradients(const HeadColumns& columns, long capacity);
  void Clear(long n);
  // To rows [row, row + n) of the net's gradients. A log-std that was clamped passes nothing.
  void Write(const NetRows<T>& net, long row, long n, NetRows<T>* gradients) const;

  // Through draw s of a row, which is primitive k's: da is dL/da [A], dlp is dL/d log pi_k.
  void AddDraw(const Draws<T>& draws, long row, int s, int k, const T* da, T dlp);
  // The same with the mixture's density: dlp is dL/d log pi_mix, `share` MixtureLogProb's. It
  // reaches every primitive and the router.
  void AddMixtureDraw(const HeadRows<T>& heads, const Draws<T>& draws, long row, int s, int k,
                      const T* da, T dlp, const T* share);

  HeadColumns columns;
  AlignedVector<T> mean, log_std;  // [n, K, A]
  AlignedVector<T> logit;          // [n, K]
};

}  // namespace pmoe
