#include "learner/kernels/net.h"

#include <algorithm>

#include "common/base/check.h"
#include "learner/kernels/activation.h"
#include "learner/kernels/layer_norm.h"

namespace pmoe {
namespace {

constexpr long kTaskOverhead = 64;  // of a task, in multiply-adds per row: packing, sums of biases

bool Contains(const std::vector<int>& list, int x) {
  return std::find(list.begin(), list.end(), x) != list.end();
}

}  // namespace

template <typename T>
Net<T>::Net(const NetPlan& plan, const ParameterLayout& layout, const T* values,
            const NetOptions& options)
    : plan_(plan),
      layout_(layout),
      values_(values),
      options_(options),
      groups_(layout.members() * layout.copies()) {
  for (const NetNode& node : plan_.nodes()) PlanNode(node, options.trained);
  packed_.resize(packed_size_ * static_cast<size_t>(groups_));
  biases_.resize(bias_size_ * static_cast<size_t>(groups_));
  PlanTasks();
  for (int group = 0; group < groups_; ++group) AddJobs(group);
}

template <typename T>
typename Net<T>::Packed Net<T>::Reserve(long inner, long columns) {
  const Packed packed = {packed_size_, inner, columns};
  packed_size_ += PackedSize(inner, columns);
  return packed;
}

template <typename T>
void Net<T>::PlanNode(const NetNode& node, bool trained) {
  NodeWeights weights;
  weights.bias = bias_size_;
  bias_size_ += static_cast<size_t>(node.width);
  if (node.norm) {
    PMOE_CHECK(node.input.node >= 0 && node.activation == Activation::kRelu);
  } else if (node.inner > 0 && node.input.node < 0) {
    for (const long width : plan_.inputs()) {
      weights.forward.push_back(Reserve(width, node.width));
    }
    if (options_.differentiated >= 0) {
      weights.backward.push_back(
          Reserve(node.attached, plan_.inputs()[static_cast<size_t>(options_.differentiated)]));
    }
  } else if (node.inner > 0) {
    for (int block = 0; block < node.blocks; ++block) {
      const long inner = node.inner / node.blocks;
      weights.forward.push_back(Reserve(inner, node.width / node.blocks));
      const bool wanted = node.attached > 0 && (trained || options_.differentiated >= 0);
      if (wanted) weights.backward.push_back(Reserve(node.attached / node.blocks, inner));
    }
  }
  nodes_.push_back(std::move(weights));
}

template <typename T>
void Net<T>::PlanTasks() {
  if (!options_.trained) return;
  for (size_t n = 0; n < plan_.nodes().size(); ++n) {
    const NetNode& node = plan_.nodes()[n];
    for (const NetNode::Layer& layer : node.layers) {
      const long outputs = plan_.layers()[static_cast<size_t>(layer.index)].outputs;
      const long block = node.norm ? outputs : outputs / node.blocks;
      for (long column = 0; column < outputs;) {
        const long left = block - column % block;  // a task stays within its block
        const long columns = std::min(kPanelColumns, left);
        const long cost = columns * (node.inner / node.blocks) + kTaskOverhead;
        tasks_.push_back({static_cast<int>(n), layer, column, columns, cost});
        column += columns;
      }
    }
  }
}

template <typename T>
const T* Net<T>::Weights(int group, int layer) const {
  const Parameter& weight = layout_.parameters()[2 * static_cast<size_t>(layer)];
  return values_ + weight.offset + static_cast<size_t>(group) * weight.rows * weight.cols;
}

template <typename T>
const T* Net<T>::Bias(int group, int layer) const {
  const Parameter& bias = layout_.parameters()[2 * static_cast<size_t>(layer) + 1];
  return values_ + bias.offset + static_cast<size_t>(group) * bias.cols;
}

// A layer's weights [inner, outputs] are rows of b forward, and columns of it backward.
template <typename T>
void Net<T>::AddJobs(int group) {
  T* const packed = packed_.data() + static_cast<size_t>(group) * packed_size_;
  for (size_t n = 0; n < nodes_.size(); ++n) {
    const NetNode& node = plan_.nodes()[n];
    const NodeWeights& weights = nodes_[n];
    const bool given = node.input.node < 0;
    for (const NetNode::Layer& layer : node.layers) {
      const long outputs = plan_.layers()[static_cast<size_t>(layer.index)].outputs;
      const T* const from = Weights(group, layer.index);
      const long block = outputs / node.blocks;
      long input_row = 0;
      for (size_t i = 0; i < weights.forward.size(); ++i) {
        const Packed& to = weights.forward[i];
        const T* const part =
            given ? from + input_row * outputs : from + static_cast<long>(i) * block;
        jobs_.push_back(
            {part, outputs, 1, to.inner, block, packed + to.offset, to.inner, 0, layer.column});
        input_row += to.inner;
      }
      if (layer.column >= node.attached) continue;
      const long before = options_.differentiated == 1 && given ? plan_.inputs()[0] * outputs : 0;
      for (size_t i = 0; i < weights.backward.size(); ++i) {
        const Packed& to = weights.backward[i];
        jobs_.push_back({from + before + static_cast<long>(i) * block, 1, outputs, block,
                         to.columns, packed + to.offset, to.inner, layer.column, 0});
      }
    }
  }
}

template <typename T>
void Net<T>::Pack(long part, long parts) {
  constexpr long kGrain = 8;  // rows that are transposed together
  for (const PackJob<T>& job : jobs_) {
    const Share share = ShareOf(job.inner, part, parts, kGrain);
    pmoe::Pack(job, share.begin, share.end);
  }
  if (part > 0) return;
  for (int group = 0; group < groups_; ++group) {
    T* const biases = biases_.data() + static_cast<size_t>(group) * bias_size_;
    for (size_t n = 0; n < nodes_.size(); ++n) {
      for (const NetNode::Layer& layer : plan_.nodes()[n].layers) {
        std::copy_n(Bias(group, layer.index),
                    plan_.layers()[static_cast<size_t>(layer.index)].outputs,
                    biases + nodes_[n].bias + layer.column);
      }
    }
  }
}

// The input's row is left normalised: nobody else reads it.
template <typename T>
void Net<T>::ForwardNorm(int group, int n, long rows, NetRows<T>* out, long row) const {
  const NetNode& node = plan_.nodes()[static_cast<size_t>(n)];
  const int layer = node.layers[0].index;
  for (long i = row; i < row + rows; ++i) {
    T* const x = out->At(node.input.node, i);
    *out->InverseStd(n, i) = Normalize(node.width, x);
    ScaleAndRelu(node.width, x, Weights(group, layer), Bias(group, layer), out->At(n, i));
  }
}

template <typename T>
void Net<T>::BackwardNorm(int group, int n, long rows, const NetRows<T>& activations,
                          const RowsOf& of, NetRows<T>* gradients, long row) const {
  const NetNode& node = plan_.nodes()[static_cast<size_t>(n)];
  const T* const gain = Weights(group, node.layers[0].index);
  for (long i = 0; i < rows; ++i) {
    const long from = of.index == nullptr ? of.first + i : of.index[i];
    NormalizeGradient(node.width, *activations.InverseStd(n, from),
                      activations.At(node.input.node, from), gain, gradients->At(n, row + i),
                      gradients->At(node.input.node, row + i));
  }
}

// Of the gain: its columns' sums of dy normal. dy: packed by 32.
template <typename T>
void Net<T>::NormGradient(const Task& task, const NetRows<T>& activations, const T* dy, long rows,
                          T* to) const {
  const NetNode& node = plan_.nodes()[static_cast<size_t>(task.node)];
  std::fill_n(to, task.columns, T{0});
  for (long r = 0; r < rows; ++r) {
    const T* const normal = activations.At(node.input.node, r) + task.column;
    for (long j = 0; j < task.columns; ++j) to[j] += dy[r * kPanelColumns + j] * normal[j];
  }
}

template <typename T>
void Net<T>::ForwardNode(int group, int n, const NetInput<T>& input, long rows, NetRows<T>* out,
                         long row) const {
  const NetNode& node = plan_.nodes()[static_cast<size_t>(n)];
  if (node.norm) return ForwardNorm(group, n, rows, out, row);
  const NodeWeights& weights = nodes_[static_cast<size_t>(n)];
  const T* const bias = biases_.data() + static_cast<size_t>(group) * bias_size_ + weights.bias;
  T* const c = out->At(n, row);
  if (node.inner == 0) {
    for (long i = 0; i < rows; ++i) std::copy_n(bias, node.width, c + i * node.width);
  }
  const bool relu = node.activation == Activation::kRelu;
  const bool given = node.input.node < 0;
  for (size_t i = 0; i < weights.forward.size(); ++i) {
    const Packed& b = weights.forward[i];
    Product<T> product;
    product.rows = rows;
    product.inner = b.inner;
    product.columns = b.columns;
    product.packed = packed(group, b);
    product.c_row = node.width;
    bool last = true;
    if (given && i == 0 && input.first_part != nullptr) continue;
    if (given) {  // parts one after the other, in one chain
      product.a = input.parts[i].data;
      product.a_row = input.parts[i].stride;
      const T* const before = input.first_part != nullptr ? input.first_part : c;
      product.base = i == 0 ? bias : before;
      product.base_row = i == 0 ? 0 : node.width;
      product.c = c;
      last = i + 1 == weights.forward.size();
    } else {  // blocks side by side
      const long block = static_cast<long>(i);
      product.a = out->At(node.input.node, row) + node.input.column + block * b.inner;
      product.a_row = out->width(node.input.node);
      product.base = bias + block * b.columns;
      product.c = c + block * b.columns;
    }
    product.epilogue = relu && last ? Epilogue::kRelu : Epilogue::kNone;
    Multiply(product);
  }
  if (!relu || weights.forward.empty()) Activate(node.activation, rows * node.width, c);
}

template <typename T>
void Net<T>::Forward(int group, const NetInput<T>& input, long rows, NetRows<T>* out,
                     long row) const {
  for (size_t n = 0; n < nodes_.size(); ++n) {
    ForwardNode(group, static_cast<int>(n), input, rows, out, row);
  }
}

template <typename T>
void Net<T>::FirstPart(int group, const NetInput<T>& input, long rows, T* out) const {
  const Packed& b = nodes_[0].forward[0];
  Product<T> product;
  product.rows = rows;
  product.inner = b.inner;
  product.columns = b.columns;
  product.a = input.parts[0].data;
  product.a_row = input.parts[0].stride;
  product.packed = packed(group, b);
  product.base = biases_.data() + static_cast<size_t>(group) * bias_size_ + nodes_[0].bias;
  product.c = out;
  product.c_row = b.columns;
  Multiply(product);
}

// dx = dy W^T, added to what other readers of the input already gave it. Through a ReLU it passes
// where the input is above 0.
template <typename T>
void Net<T>::BackwardNode(int group, int n, long rows, const NetRows<T>& activations,
                          const RowsOf& of, NetRows<T>* gradients, long row, bool first,
                          const NetInputGradient<T>& to_input) const {
  const NetNode& node = plan_.nodes()[static_cast<size_t>(n)];
  const NodeWeights& weights = nodes_[static_cast<size_t>(n)];
  if (node.norm) return BackwardNorm(group, n, rows, activations, of, gradients, row);
  const bool given = node.input.node < 0;
  if (given && to_input.data == nullptr) return;
  for (size_t i = 0; i < weights.backward.size(); ++i) {
    const Packed& b = weights.backward[i];
    const long block = static_cast<long>(i);
    Product<T> product;
    product.rows = rows;
    product.inner = b.inner;
    product.columns = b.columns;
    product.a = gradients->At(n, row) + block * b.inner;
    product.a_row = node.width;
    product.packed = packed(group, b);
    if (given) {
      product.c = to_input.data;
      product.c_row = b.columns;
    } else {
      const long column = node.input.column + block * b.columns;
      product.c = gradients->At(node.input.node, row) + column;
      product.c_row = gradients->width(node.input.node);
      if (!first) product.base = product.c;
      product.base_row = product.c_row;
      if (plan_.nodes()[static_cast<size_t>(node.input.node)].activation == Activation::kRelu) {
        product.epilogue = Epilogue::kReluMask;
        product.mask = activations.At(node.input.node, of.index == nullptr ? of.first : 0) + column;
        product.mask_row = product.c_row;
        product.mask_index = of.index;
      }
    }
    Multiply(product);
  }
}

template <typename T>
void Net<T>::Backward(int group, long rows, const NetRows<T>& activations, const RowsOf& of,
                      NetRows<T>* gradients, long row, const NetInputGradient<T>& to_input) const {
  for (size_t i = nodes_.size(); i-- > 0;) {
    const int n = static_cast<int>(i);
    const NetNode& node = plan_.nodes()[i];
    // A ReLU that feeds others was masked by them.
    const bool masked = node.activation == Activation::kRelu && node.feeds;
    if (!masked && node.activation != Activation::kIdentity) {
      ActivationGradient(node.activation, rows * node.width, activations.At(n, of.first),
                         gradients->At(n, row));
    }
    if (node.inner == 0 || node.attached == 0) continue;
    bool first = node.input.node < 0 || !Contains(options_.seeded, node.input.node);
    for (size_t later = i + 1; later < nodes_.size() && first; ++later) {
      const NetNode& other = plan_.nodes()[later];
      first = other.inner == 0 || other.attached == 0 || other.input.node != node.input.node;
    }
    BackwardNode(group, n, rows, activations, of, gradients, row, first, to_input);
  }
}

template <typename T>
void Net<T>::WeightGradient(int group, long task_index, const NetInput<T>& input, long rows,
                            const NetRows<T>& activations, const NetRows<T>& gradients, T* scratch,
                            T* gradient) const {
  const Task& task = tasks_[static_cast<size_t>(task_index)];
  const NetNode& node = plan_.nodes()[static_cast<size_t>(task.node)];
  const size_t layer = static_cast<size_t>(task.layer.index);
  const Parameter& weight = layout_.parameters()[2 * layer];
  const Parameter& bias = layout_.parameters()[2 * layer + 1];
  const T* const dy = gradients.At(task.node, 0) + task.layer.column + task.column;
  pmoe::Pack({dy, node.width, 1, rows, task.columns, scratch, rows, 0, 0}, 0, rows);
  T* const db = gradient + bias.offset + static_cast<size_t>(group) * bias.cols + task.column;
  std::fill_n(db, task.columns, T{0});
  for (long r = 0; r < rows; ++r) {
    for (long j = 0; j < task.columns; ++j) db[j] += scratch[r * kPanelColumns + j];
  }
  T* dw = gradient + weight.offset + static_cast<size_t>(group) * weight.rows * weight.cols +
          task.column;
  if (node.norm) return NormGradient(task, activations, scratch, rows, dw);
  Product<T> product;
  product.inner = rows;
  product.columns = task.columns;
  product.packed = scratch;
  product.c_row = weight.cols;
  product.a_row = 1;
  const auto multiply = [&](const T* x, long stride, long inner) {
    product.rows = inner;
    product.a = x;
    product.a_inner = stride;
    product.c = dw;
    Multiply(product);
    dw += inner * weight.cols;
  };
  if (node.inner == 0) return;
  if (node.input.node < 0) {
    for (size_t part = 0; part < plan_.inputs().size(); ++part) {
      multiply(input.parts[part].data, input.parts[part].stride, plan_.inputs()[part]);
    }
    return;
  }
  const long inner = node.inner / node.blocks;
  const long block = task.column / (weight.cols / node.blocks);
  multiply(activations.At(node.input.node, 0) + node.input.column + block * inner,
           activations.width(node.input.node), inner);
}

template class Net<float>;
template class Net<double>;

}  // namespace pmoe
