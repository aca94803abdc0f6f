// A machine of C cores in simulated time: whoever computes gets an even share of them and at most
// one, as under a fair kernel; whoever sleeps needs none. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

namespace pmoe {

class SimulatedMachine {
 public:
  using Then = std::function<void()>;

  explicit SimulatedMachine(double cores) : cores_(cores) {}

  double now_s() const { return now_s_; }
  void Sleep(double seconds, Then then) { sleeping_.push({now_s_ + seconds, order_++, then}); }
  void Compute(double cpu_s, Then then) { computing_.push({work_s_ + cpu_s, order_++, then}); }
  // The next end of a sleep or of a computation; false: there is none.
  bool Step();

 private:
  struct Event {
    double at_s;
    uint64_t order;  // the first of two at one moment goes first
    Then then;
    bool operator<(const Event& other) const {
      return at_s != other.at_s ? at_s > other.at_s : order > other.order;
    }
  };
  using Queue = std::priority_queue<Event>;

  double Speed() const;  // CPU-seconds per second of one that computes
  void Pass(double seconds);

  const double cores_;
  double now_s_ = 0.0;
  double work_s_ = 0.0;  // that one who computed all the time has had
  uint64_t order_ = 0;
  Queue sleeping_, computing_;  // by the time, and by the work, at which they end
};

}  // namespace pmoe
