#include "learner/kernels/quantile_rows.h"

#include <algorithm>

namespace pmoe {
namespace {

constexpr int kLanes = 16;  // quantiles side by side, in registers

// What is no number before all others.
template <typename T>
bool Below(T a, T b) {
  return a < b || (a != a && b == b);
}

template <typename T>
void Keep(int count, int keep, T* scratch, T* atoms) {
  if (keep >= count) return;
  std::copy_n(atoms, count, scratch);
  std::nth_element(scratch, scratch + keep - 1, scratch + count, Below<T>);
  const T largest = scratch[keep - 1];
  int below = 0;
  for (int i = 0; i < count; ++i) below += Below(atoms[i], largest) ? 1 : 0;
  int equal = keep - below, to = 0;  // that there is still room for
  for (int i = 0; i < count; ++i) {
    const bool is_below = Below(atoms[i], largest);
    const bool stays = is_below || (!Below(largest, atoms[i]) && equal-- > 0);
    if (stays) atoms[to++] = atoms[i];
  }
}

// Of the quantiles `first` and the lanes after it. h(u) = c (u - c / 2) with c = clip(u, -1, 1),
// whose slope is c.
template <typename T>
T HuberOfLanes(int first, int count, const T* quantiles, const TargetAtoms<T>& target,
               T* gradient) {
  T q[kLanes] = {}, below[kLanes] = {}, above[kLanes] = {}, loss[kLanes] = {}, slope[kLanes] = {};
  const int lanes = std::min(kLanes, count - first);
  for (int z = 0; z < lanes; ++z) {
    const T tau = (static_cast<T>(first + z) + T{0.5}) / static_cast<T>(count);
    q[z] = quantiles[first + z];
    above[z] = tau;
    below[z] = T{1} - tau;
  }
  for (int y = 0; y < target.count; ++y) {
    const T atom = target.atoms[y], weight = target.weight[y];
    for (int z = 0; z < kLanes; ++z) {
      const T u = atom - q[z];
      const T c = u > T{1} ? T{1} : u < T{-1} ? T{-1} : u;
      const T share = weight * (u < T{0} ? below[z] : above[z]);
      loss[z] += share * (c * (u - T{0.5} * c));
      slope[z] += share * c;
    }
  }
  T sum = 0;
  for (int z = 0; z < lanes; ++z) {
    sum += loss[z];
    gradient[first + z] = -slope[z] / static_cast<T>(count);
  }
  return sum;
}

template <typename T>
T Huber(int count, const T* quantiles, const TargetAtoms<T>& target, T* gradient) {
  T sum = 0;
  for (int first = 0; first < count; first += kLanes) {
    sum += HuberOfLanes(first, count, quantiles, target, gradient);
  }
  return sum / static_cast<T>(count);
}

}  // namespace

void KeepSmallest(int count, int keep, float* scratch, float* atoms) {
  Keep(count, keep, scratch, atoms);
}
void KeepSmallest(int count, int keep, double* scratch, double* atoms) {
  Keep(count, keep, scratch, atoms);
}

float QuantileHuber(int count, const float* quantiles, const TargetAtoms<float>& target,
                    float* gradient) {
  return Huber(count, quantiles, target, gradient);
}
double QuantileHuber(int count, const double* quantiles, const TargetAtoms<double>& target,
                     double* gradient) {
  return Huber(count, quantiles, target, gradient);
}

}  // namespace pmoe
