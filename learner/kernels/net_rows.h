// What a net is given and what it makes of it, row by row: the arguments of Net's passes.
#pragma once

#include <vector>

#include "learner/kernels/aligned.h"
#include "learner/kernels/net_plan.h"

namespace pmoe {

// What every node of a net makes of up to `capacity` rows, or the gradients of it.
template <typename T>
class NetRows {
 public:
  NetRows(const NetPlan& plan, long capacity);

  T* At(int node, long row) { return data_[static_cast<size_t>(node)].data() + row * width(node); }
  const T* At(int node, long row) const {
    return data_[static_cast<size_t>(node)].data() + row * width(node);
  }
  // What the input of a layer norm was multiplied by in that row.
  T* InverseStd(int node, long row) { return inverse_std_[static_cast<size_t>(node)].data() + row; }
  const T* InverseStd(int node, long row) const {
    return inverse_std_[static_cast<size_t>(node)].data() + row;
  }
  long width(int node) const { return widths_[static_cast<size_t>(node)]; }
  long capacity() const { return capacity_; }

 private:
  long capacity_;
  std::vector<long> widths_;
  std::vector<AlignedVector<T>> data_, inverse_std_;
};

// What a net is given, a part for each width of its plan. A row every `stride`.
template <typename T>
struct NetInput {
  struct Part {
    const T* data = nullptr;
    long stride = 0;
  };
  Part parts[2];
  // What the first part adds to the node that reads the input, by Net::FirstPart; null: it is
  // computed.
  const T* first_part = nullptr;
};

// The gradient with respect to one part of what the net was given.
template <typename T>
struct NetInputGradient {
  T* data = nullptr;  // null: nobody asks. [rows, width of the part]
};

// Which of the activations' rows a row of gradients belongs to.
struct RowsOf {
  long first = 0;
  const int* index = nullptr;  // then row i is that of index[i], and not first + i
};

}  // namespace pmoe
