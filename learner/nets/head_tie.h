// Which of a policy's heads the K primitives have in part in common: W_k = S + c D_k, with S
// learned from every row and D_k what sets primitive k apart; docs/algorithms/tied_heads.md. Free
// of Torch.
#pragma once

#include <optional>

namespace pmoe {

struct HeadTie {
  // c of the means, and of the log-stds; nothing: they have no part in common. 0: they are equal.
  std::optional<double> mean = {};
  std::optional<double> log_std = {};
  double init = 1.0;  // how far apart they begin: this times what untied heads do

  bool any() const { return mean.has_value() || log_std.has_value(); }
};

}  // namespace pmoe
