#include "actor/export/onnx_graph.h"

#include "absl/strings/str_cat.h"

namespace pmoe {
namespace {

void Describe(const std::string& name, onnx::ElementType type, const OnnxGraph::Dims& dims,
              const std::string& doc, onnx::Value* value) {
  value->set_name(name);
  value->set_doc(doc);
  onnx::TensorType* const tensor = value->mutable_type()->mutable_tensor();
  tensor->set_element(type);
  onnx::Shape* const shape = tensor->mutable_shape();
  for (const int64_t dim : dims) {
    if (dim == OnnxGraph::kBatch) {
      shape->add_dim()->set_name("N");
    } else {
      shape->add_dim()->set_value(dim);
    }
  }
}

}  // namespace

void OnnxGraph::Input(const std::string& name, onnx::ElementType type, const Dims& dims,
                      const std::string& doc) {
  Describe(name, type, dims, doc, graph_->add_input());
}

void OnnxGraph::Output(const std::string& value, const std::string& name, onnx::ElementType type,
                       const Dims& dims, const std::string& doc) {
  for (onnx::Node& node : *graph_->mutable_node()) {
    for (std::string& input : *node.mutable_input()) {
      if (input == value) input = name;
    }
    for (std::string& output : *node.mutable_output()) {
      if (output == value) output = name;
    }
  }
  Describe(name, type, dims, doc, graph_->add_output());
}

onnx::Tensor* OnnxGraph::Constant(onnx::ElementType type, const Dims& dims, const void* data,
                                  size_t bytes) {
  onnx::Tensor* const tensor = graph_->add_initializer();
  tensor->set_name(absl::StrCat("constant_", values_++));
  tensor->set_data_type(type);
  for (const int64_t dim : dims) tensor->add_dims(dim);
  tensor->set_raw_data(data, bytes);
  return tensor;
}

std::string OnnxGraph::Floats(const Dims& dims, absl::Span<const float> values) {
  return Constant(onnx::FLOAT, dims, values.data(), values.size() * sizeof(float))->name();
}

std::string OnnxGraph::Ints(const Dims& dims, absl::Span<const int64_t> values) {
  return Constant(onnx::INT64, dims, values.data(), values.size() * sizeof(int64_t))->name();
}

std::string OnnxGraph::Node(const char* op, std::vector<std::string> inputs,
                            Attributes attributes) {
  onnx::Node* const node = graph_->add_node();
  node->set_op_type(op);
  node->set_name(absl::StrCat(op, "_", values_));
  for (std::string& input : inputs) *node->add_input() = std::move(input);
  for (const auto& [name, value] : attributes) {
    onnx::Attribute* const attribute = node->add_attribute();
    attribute->set_name(name);
    attribute->set_type(onnx::Attribute::INT);
    attribute->set_i(value);
  }
  const std::string output = absl::StrCat("value_", values_++);
  node->add_output(output);
  return output;
}

std::string OnnxGraph::Sum(const std::string& value, int64_t axis, bool keep_axis) {
  return Node("ReduceSum", {value, Ints({1}, {axis})}, {{"keepdims", keep_axis ? 1 : 0}});
}

}  // namespace pmoe
