// Matrix products on packed weights, one implementation per instruction set, chosen at run time.
//
//   c[i, j] = base[i, j] + sum over k, in order, of a[i, k] b[k, j], fused
//
// Every output is one chain of multiply-adds that begins at its base. So its bits depend neither on
// the vectors' width, nor on how rows and columns are shared among threads, nor on the batch; and a
// product over [x | y] is one over x, and then one over y whose base is the first. Float in
// production; double for tests against autograd. Pure functions on the caller's memory.
#pragma once

#include <cstddef>

namespace pmoe {

inline constexpr long kPanelColumns = 32;  // columns of b that lie together

constexpr long Panels(long columns) { return (columns + kPanelColumns - 1) / kPanelColumns; }

// Elements that b [inner, columns] takes when packed: [panels][inner][32].
constexpr size_t PackedSize(long inner, long columns) {
  return static_cast<size_t>(Panels(columns) * kPanelColumns * inner);
}

enum class Epilogue {
  kNone,
  kRelu,      // c = max(c, 0)
  kReluMask,  // c = 0 where the mask is not above 0: the gradient through a ReLU, by its output
};

template <typename T>
struct Product {
  long rows = 0;
  long inner = 0;
  long columns = 0;
  const T* a = nullptr;  // a[i, k] = a[i * a_row + k * a_inner]
  long a_row = 0;
  long a_inner = 1;
  const T* packed = nullptr;  // of b, by Pack
  const T* base = nullptr;    // [rows, columns], a row every base_row; null: zeros
  long base_row = 0;          // 0: one row for all, a bias
  T* c = nullptr;             // [rows, columns], a row every c_row
  long c_row = 0;
  Epilogue epilogue = Epilogue::kNone;
  const T* mask = nullptr;  // kReluMask: [rows, columns], a row every mask_row
  long mask_row = 0;
  const int* mask_index = nullptr;  // row i of c has row mask_index[i] of the mask; null: row i
};

void Multiply(const Product<float>& product);
void Multiply(const Product<double>& product);

// A part of b [all_inner, …]: rows from inner_begin and columns from column_begin on are
// from[k * from_inner + j * from_column], one of the two strides being 1. What no part fills is the
// caller's zeros.
template <typename T>
struct PackJob {
  const T* from = nullptr;
  long from_inner = 0;
  long from_column = 1;
  long inner = 0;
  long columns = 0;
  T* packed = nullptr;
  long all_inner = 0;
  long inner_begin = 0;
  long column_begin = 0;
};

// Packs rows [begin, end) of the part.
void Pack(const PackJob<float>& job, long begin, long end);
void Pack(const PackJob<double>& job, long begin, long end);

}  // namespace pmoe
