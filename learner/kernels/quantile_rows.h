// Quantile regression towards a distribution of atoms, row by row (QR-DQN, arXiv 1710.10044; TQC,
// arXiv 2005.04269). Every number is one chain in a fixed order, whatever the vectors' width. Pure
// functions on the caller's memory. Z quantiles, Y atoms of the target.
#pragma once

namespace pmoe {

// The `keep` smallest of `atoms` [count], in their order, to its front; of equal ones the first.
// What is no number counts as the smallest, so that a loss shows it. scratch: [count]
void KeepSmallest(int count, int keep, float* scratch, float* atoms);
void KeepSmallest(int count, int keep, double* scratch, double* atoms);

// The distribution that quantiles are to follow: an atom each, with weights that sum to 1.
template <typename T>
struct TargetAtoms {
  int count = 0;              // Y
  const T* atoms = nullptr;   // [Y]
  const T* weight = nullptr;  // [Y]
};

// sum_y w_y mean_z |tau_z - 1[u < 0]| h(u), u = atom_y - quantile_z, tau_z = (z + 1/2) / Z, h
// Huber's loss with kappa 1. quantiles: [Z]. Writes its gradient, [Z].
float QuantileHuber(int count, const float* quantiles, const TargetAtoms<float>& target,
                    float* gradient);
double QuantileHuber(int count, const double* quantiles, const TargetAtoms<double>& target,
                     double* gradient);

}  // namespace pmoe
