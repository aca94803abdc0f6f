// Reads a task's constructor parameters from strings under Gymnasium's names. The first bad value
// is kept and reported by Finish with the parameter, the value and what would be valid.
// Thread-compatible.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace pmoe {

// What MakeEnv was asked for.
struct EnvRequest {
  // 5 of "Ant-v5"; 0 without such an ending.
  int version() const;

  std::string id;
  std::map<std::string, std::string> args;
  std::string assets_dir;
  std::string python;        // of gym: and gym-process:; empty: the one that has our wheels
  bool will_render = false;  // Env::Render will be called
};

// An open or closed interval; the task says which.
struct Range {
  double low;
  double high;
};

class EnvArgs {
 public:
  // Borrows both.
  EnvArgs(const std::string& id, const std::map<std::string, std::string>& args)
      : id_(id), args_(args) {}

  // Each leaves *value, the default, if the parameter is not given. Text a user could write in
  // Python or in a shell: 0.5, 1e-3; True, false, 1; "(0.8, 2.0)" or "0.8,2.0", where a bound may
  // be inf.
  void Float(absl::string_view name, double* value);
  void NonNegative(absl::string_view name, double* value);
  void Positive(absl::string_view name, double* value);
  void Int(absl::string_view name, int low, int high, int* value);
  void Bool(absl::string_view name, bool* value);
  void Interval(absl::string_view name, Range* value);
  void String(absl::string_view name, std::string* value);
  void Choice(absl::string_view name, const std::vector<std::string>& choices, std::string* value);

  // The first bad value, or a parameter that nobody asked for.
  absl::Status Finish() const;

 private:
  const std::string* Find(absl::string_view name);
  void Fail(absl::string_view name, absl::string_view wanted, absl::string_view got);

  const std::string& id_;
  const std::map<std::string, std::string>& args_;
  std::vector<std::string> known_;
  absl::Status status_;
};

}  // namespace pmoe
