// Forward and backward passes of a whole net, without a graph: rows of activations in, rows of
// gradients out, on buffers that live as long as the learner. Weights are used packed; whoever
// changed them calls Pack. What two threads compute of different rows, tasks or shares does not
// meet, so a team shares each of the passes. G groups: members times copies (critics).
#pragma once

#include <vector>

#include "common/policy/parameter_layout.h"
#include "learner/kernels/net_rows.h"
#include "learner/kernels/partition.h"
#include "learner/kernels/product.h"

namespace pmoe {

struct NetOptions {
  bool trained = true;      // gradients are asked for
  int differentiated = -1;  // the part of the input whose gradient is asked for; -1: none
  std::vector<int> seeded;  // nodes whose gradient the caller sets, although others feed on them
};

template <typename T>
class Net {
 public:
  // `values`: flat parameters in the layout of the plan's layers; outlives the net.
  Net(const NetPlan& plan, const ParameterLayout& layout, const T* values,
      const NetOptions& options);

  const NetPlan& plan() const { return plan_; }
  int groups() const { return groups_; }

  // The part-th of `parts` shares of packing all weights.
  void Pack(long part, long parts);

  // Rows [row, row + rows) of `out`, from the input's first row on.
  void Forward(int group, const NetInput<T>& input, long rows, NetRows<T>* out, long row) const;
  // Of a net whose first node alone reads the input: that node's sums over the first part, [rows,
  // its width], for many second parts to go on from.
  void FirstPart(int group, const NetInput<T>& input, long rows, T* out) const;
  // From the gradients of what the net puts out, which the caller wrote, those of every node.
  void Backward(int group, long rows, const NetRows<T>& activations, const RowsOf& of,
                NetRows<T>* gradients, long row, const NetInputGradient<T>& to_input = {}) const;

  // A group's weight gradients fall into tasks of similar cost, each with its own elements.
  long tasks() const { return static_cast<long>(tasks_.size()); }
  long TaskCost(long task) const { return tasks_[static_cast<size_t>(task)].cost; }
  // Sums over `rows` rows. `scratch`: 32 * rows elements. Overwrites its part of `gradient`, flat.
  void WeightGradient(int group, long task, const NetInput<T>& input, long rows,
                      const NetRows<T>& activations, const NetRows<T>& gradients, T* scratch,
                      T* gradient) const;

 private:
  // Packed weights of one product: a node's block and part of the input.
  struct Packed {
    size_t offset = 0;
    long inner = 0;
    long columns = 0;
  };
  struct NodeWeights {
    std::vector<Packed> forward;   // [block or part]
    std::vector<Packed> backward;  // [block]; of the differentiated part where the input is given
    size_t bias = 0;
  };
  struct Task {
    int node = 0;
    NetNode::Layer layer;
    long column = 0;  // of the layer, the first of up to 32
    long columns = 0;
    long cost = 0;
  };

  void PlanNode(const NetNode& node, bool trained);
  void PlanTasks();
  void AddJobs(int group);
  Packed Reserve(long inner, long columns);
  void ForwardNode(int group, int node, const NetInput<T>& input, long rows, NetRows<T>* out,
                   long row) const;
  void ForwardNorm(int group, int node, long rows, NetRows<T>* out, long row) const;
  void BackwardNorm(int group, int node, long rows, const NetRows<T>& activations, const RowsOf& of,
                    NetRows<T>* gradients, long row) const;
  void NormGradient(const Task& task, const NetRows<T>& activations, const T* dy, long rows,
                    T* to) const;
  void BackwardNode(int group, int node, long rows, const NetRows<T>& activations, const RowsOf& of,
                    NetRows<T>* gradients, long row, bool first,
                    const NetInputGradient<T>& to_input) const;
  const T* packed(int group, const Packed& of) const {
    return packed_.data() + static_cast<size_t>(group) * packed_size_ + of.offset;
  }
  const T* Weights(int group, int layer) const;
  const T* Bias(int group, int layer) const;

  NetPlan plan_;
  ParameterLayout layout_;
  const T* values_;
  NetOptions options_;
  int groups_;
  std::vector<NodeWeights> nodes_;
  std::vector<Task> tasks_;
  size_t packed_size_ = 0;  // of one group
  size_t bias_size_ = 0;
  AlignedVector<T> packed_;
  AlignedVector<T> biases_;
  std::vector<PackJob<T>> jobs_;
};

}  // namespace pmoe
