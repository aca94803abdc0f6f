#include "actor/pacer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

namespace pmoe {
namespace {

constexpr Clock::Duration kLook = std::chrono::milliseconds(100);

}  // namespace

Pacer::Pacer(double hz, Clock* clock) : hz_(hz), clock_(clock), start_(clock->Now()) {}

void Pacer::Start() {
  start_ = clock_->Now();
  next_ = 1;
}

// From the start and not from the tick before: rounding must not add up.
Clock::Time Pacer::Tick(int64_t n) const {
  const std::chrono::duration<double> since_start(static_cast<double>(n) / hz_);
  return start_ + std::chrono::round<Clock::Duration>(since_start);
}

int64_t Pacer::TickBefore(Clock::Time now) const {
  const double ticks = std::chrono::duration<double>(now - start_).count() * hz_;
  auto n = static_cast<int64_t>(std::floor(ticks));
  while (Tick(n) > now) --n;
  while (Tick(n + 1) <= now) ++n;
  return n;
}

void Pacer::SkipTo(int64_t tick) {
  if (tick <= next_) return;
  misses_ += static_cast<uint64_t>(tick - next_);
  next_ = tick;
}

bool Pacer::Await(absl::FunctionRef<bool()> stop) {
  Clock::Time now = clock_->Now();
  if (now > Tick(next_)) SkipTo(TickBefore(now) + 1);
  for (; now < Tick(next_); now = clock_->Now()) {
    if (stop()) return false;
    clock_->Sleep(std::min(Tick(next_) - now, kLook));
  }
  // Woken a period late or later: the machine was busy elsewhere.
  SkipTo(TickBefore(now));
  ++next_;
  return true;
}

uint64_t Pacer::TakeMisses() { return std::exchange(misses_, 0); }

}  // namespace pmoe
