// Writes an ONNX graph node by node. Values are named by strings, as in ONNX; every method that
// adds one returns its name. Used by one thread at a time.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "proto/onnx.pb.h"

namespace pmoe {

class OnnxGraph {
 public:
  using Dims = std::vector<int64_t>;
  static constexpr int64_t kBatch = -1;  // as a dimension of an input or output: free

  // Owns neither; `graph` outlives it.
  explicit OnnxGraph(onnx::Graph* graph) : graph_(graph) {}

  void Input(const std::string& name, onnx::ElementType type, const Dims& dims,
             const std::string& doc);
  // Makes `value`, a node's result, an output of that name.
  void Output(const std::string& value, const std::string& name, onnx::ElementType type,
              const Dims& dims, const std::string& doc);

  std::string Floats(const Dims& dims, absl::Span<const float> values);
  std::string Float(float value) { return Floats({}, {value}); }
  std::string Ints(const Dims& dims, absl::Span<const int64_t> values);
  std::string Int(int64_t value) { return Ints({}, {value}); }

  // The result of one operator. Attributes are whole numbers: all that is needed here.
  using Attributes = std::initializer_list<std::pair<const char*, int64_t>>;
  std::string Node(const char* op, std::vector<std::string> inputs, Attributes attributes = {});
  std::string Reshape(const std::string& value, const Dims& dims) {
    return Node("Reshape", {value, Ints({static_cast<int64_t>(dims.size())}, dims)});
  }
  std::string Sum(const std::string& value, int64_t axis, bool keep_axis);

 private:
  onnx::Tensor* Constant(onnx::ElementType type, const Dims& dims, const void* data, size_t bytes);

  onnx::Graph* graph_;
  int values_ = 0;
};

}  // namespace pmoe
