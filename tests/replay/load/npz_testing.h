// NumPy archives, and rows as a source gives them.
#pragma once

#include <gtest/gtest.h>
#include <zip.h>

#include <deque>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "replay/load/row_source.h"

namespace pmoe {

struct TestArray {
  std::string name;
  std::string descr;
  std::vector<uint64_t> shape{};
  std::string data{};
  std::string order = "False";
};

template <typename T>
TestArray ArrayOf(const std::string& name, const std::string& descr,
                  const std::vector<uint64_t>& shape, const std::vector<T>& values) {
  return {name, absl::StrCat("'", descr, "'"), shape,
          std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T))};
}
inline TestArray Floats(const std::string& name, const std::vector<uint64_t>& shape,
                        const std::vector<float>& values) {
  return ArrayOf(name, "<f4", shape, values);
}
inline TestArray Flags(const std::string& name, const std::vector<uint8_t>& values) {
  return ArrayOf(name, "|b1", {values.size()}, values);
}

// Version 1.0, as numpy.save writes it.
inline std::string NpyBytes(const TestArray& array) {
  std::string header =
      absl::StrCat("{'descr': ", array.descr, ", 'fortran_order': ", array.order, ", 'shape': (",
                   absl::StrJoin(array.shape, ", "), array.shape.size() == 1 ? "," : "", "), }");
  constexpr size_t kPreamble = 10, kAlign = 64;
  header.append(kAlign - 1 - (kPreamble + header.size()) % kAlign, ' ');
  header += '\n';
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(header.size() & 0xff);
  bytes += static_cast<char>(header.size() >> 8);
  return absl::StrCat(bytes, header, array.data);
}

inline void WriteNpz(const std::string& path, const std::vector<TestArray>& arrays,
                     int compression = ZIP_CM_STORE) {
  std::deque<std::string> members;  // alive until the archive is written
  int error = 0;
  zip_t* const archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &error);
  ASSERT_NE(archive, nullptr);
  for (const TestArray& array : arrays) {
    members.push_back(NpyBytes(array));
    zip_source_t* const source =
        zip_source_buffer(archive, members.back().data(), members.back().size(), 0);
    const zip_int64_t index = zip_file_add(archive, (array.name + ".npy").c_str(), source, 0);
    ASSERT_GE(index, 0);
    ASSERT_EQ(zip_set_file_compression(archive, static_cast<zip_uint64_t>(index), compression, 0),
              0);
  }
  ASSERT_EQ(zip_close(archive), 0);
}

// A row that outlives the visit.
struct KeptRow {
  uint64_t index = 0;
  std::vector<float> obs, action, next_obs;
  float reward = 0.0f;
  bool terminated = false, truncated = false, follows = false;

  bool operator==(const KeptRow&) const = default;
};

inline KeptRow Keep(const SourceRow& row) {
  const Transition& step = row.transition;
  return {row.index,
          {step.obs.begin(), step.obs.end()},
          {step.action.begin(), step.action.end()},
          {step.next_obs.begin(), step.next_obs.end()},
          step.reward,
          step.terminated,
          step.truncated,
          row.follows};
}

}  // namespace pmoe
