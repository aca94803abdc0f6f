// Flat little-endian byte strings for checkpoints and state. The reader never reads past its end:
// after the first short read ok() is false and every later value is left as it was.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace pmoe {

class ByteWriter {
 public:
  template <typename T>
  void Pod(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    Raw(&value, sizeof(T));
  }
  void Raw(const void* data, size_t n) { bytes_.append(static_cast<const char*>(data), n); }
  // u64 length, then the elements.
  void String(absl::string_view s) {
    Pod(static_cast<uint64_t>(s.size()));
    Raw(s.data(), s.size());
  }
  template <typename T>
  void Vector(absl::Span<const T> values) {
    static_assert(std::is_trivially_copyable_v<T>);
    Pod(static_cast<uint64_t>(values.size()));
    Raw(values.data(), values.size() * sizeof(T));
  }
  template <typename T>
  void Vector(const std::vector<T>& values) {
    Vector(absl::Span<const T>(values));
  }
  const std::string& bytes() const { return bytes_; }
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class ByteReader {
 public:
  explicit ByteReader(absl::string_view bytes) : rest_(bytes) {}

  template <typename T>
  void Pod(T* value) {
    static_assert(std::is_trivially_copyable_v<T>);
    Raw(value, sizeof(T));
  }
  void Raw(void* out, size_t n) {
    if (!ok_ || n > rest_.size()) {
      ok_ = false;
      return;
    }
    std::memcpy(out, rest_.data(), n);
    rest_.remove_prefix(n);
  }
  void String(std::string* out) {
    const absl::string_view view = View(1);
    if (ok_) out->assign(view.data(), view.size());
  }
  // Any length. The size is checked against the bytes that are left before anything is allocated.
  template <typename T>
  void Vector(std::vector<T>* out) {
    static_assert(std::is_trivially_copyable_v<T>);
    const absl::string_view view = View(sizeof(T));
    if (!ok_) return;
    out->resize(view.size() / sizeof(T));
    if (!view.empty()) std::memcpy(out->data(), view.data(), view.size());
  }
  // Exactly out.size() elements, else ok() becomes false.
  template <typename T>
  void Fill(absl::Span<T> out) {
    static_assert(std::is_trivially_copyable_v<T>);
    const absl::string_view view = View(sizeof(T));
    if (!ok_) return;
    ok_ = view.size() == out.size() * sizeof(T);
    if (ok_ && !view.empty()) std::memcpy(out.data(), view.data(), view.size());
  }
  bool ok() const { return ok_; }
  size_t remaining() const { return rest_.size(); }
  absl::Status Finish(absl::string_view what) const {
    if (ok_ && rest_.empty()) return absl::OkStatus();
    return absl::DataLossError(std::string(what) +
                               (ok_ ? " has bytes left over" : " is truncated"));
  }

 private:
  absl::string_view View(size_t element) {
    uint64_t n = 0;
    Pod(&n);
    if (!ok_ || n > rest_.size() / element) {
      ok_ = false;
      return {};
    }
    const absl::string_view view = rest_.substr(0, n * element);
    rest_.remove_prefix(n * element);
    return view;
  }

  absl::string_view rest_;
  bool ok_ = true;
};

}  // namespace pmoe
