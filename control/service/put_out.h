// Who goes on sending nonsense is put out for a while: some messages in a minute are forgiven, for
// one bad value may come of one bad step. What it keeps is bounded. Times are seconds of one
// monotonic clock. Thread-compatible.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>

namespace pmoe {

inline constexpr double kPutOut_s = 60.0;
inline constexpr size_t kNonsenseForgiven = 8;  // messages within kPutOut_s

class PutOut {
 public:
  // `who` sent something that makes no sense. True: that was one too many.
  bool Add(const std::string& who, const std::string& what, double now_s);
  // "for another 52 s: 9 messages without sense, the last: …"; nullopt: it may come in.
  std::optional<std::string> Why(const std::string& who, double now_s) const;

 private:
  struct Entry {
    std::deque<double> at_s;  // of the last messages, at most one more than is forgiven
    double until_s = 0.0;     // put out
    std::string last;
  };
  void Forget(double now_s);

  std::map<std::string, Entry> entries_;
};

}  // namespace pmoe
