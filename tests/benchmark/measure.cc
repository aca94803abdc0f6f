#include "tests/benchmark/measure.h"

#include <immintrin.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <limits>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"

namespace pmoe {
namespace {

constexpr int kAccumulators = 12;  // latency 4 or 5 times two ports, and a few
constexpr int kPeakCalls = 100'000;
constexpr int kPeakRepeats = 5;

double ClockSeconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Keeps a loop's result alive.
volatile float sink = 0.0f;

// Multiplying by 0.5 and adding 0.5 stays near 1: no denormals, no infinities. Returns FLOP.
__attribute__((target("avx512f"))) double FmaLoop512() {
  __m512 sums[kAccumulators];
  for (__m512& sum : sums) sum = _mm512_set1_ps(1.0f);
  const __m512 half = _mm512_set1_ps(0.5f);
  for (int i = 0; i < kPeakCalls; ++i) {
#pragma GCC unroll 12
    for (__m512& sum : sums) sum = _mm512_fmadd_ps(sum, half, half);
  }
  for (const __m512& sum : sums) sink = sink + _mm512_cvtss_f32(sum);
  return 2.0 * 16.0 * kAccumulators * kPeakCalls;
}

double FmaLoop256() {
  __m256 sums[kAccumulators];
  for (__m256& sum : sums) sum = _mm256_set1_ps(1.0f);
  const __m256 half = _mm256_set1_ps(0.5f);
  for (int i = 0; i < kPeakCalls; ++i) {
#pragma GCC unroll 12
    for (__m256& sum : sums) sum = _mm256_fmadd_ps(sum, half, half);
  }
  for (const __m256& sum : sums) sink = sink + _mm256_cvtss_f32(sum);
  return 2.0 * 8.0 * kAccumulators * kPeakCalls;
}

}  // namespace

double ProcessCpuSeconds() { return ClockSeconds(CLOCK_PROCESS_CPUTIME_ID); }
double ThreadCpuSeconds() { return ClockSeconds(CLOCK_THREAD_CPUTIME_ID); }

double Median(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2.0;
}

double MedianRatio(const std::vector<double>& over, const std::vector<double>& under) {
  std::vector<double> ratios;
  for (size_t i = 0; i < over.size(); ++i) ratios.push_back(over[i] / under[i]);
  return Median(std::move(ratios));
}

double FmaPeakGflops() {
  static const bool has_512 = __builtin_cpu_supports("avx512f") != 0;
  std::vector<double> rates;
  for (int i = 0; i < kPeakRepeats; ++i) {
    const double start_s = ThreadCpuSeconds();
    const double flop = has_512 ? FmaLoop512() : FmaLoop256();
    rates.push_back(flop / (ThreadCpuSeconds() - start_s) / 1e9);
  }
  return Median(std::move(rates));
}

double CallsPerCpuSecond(double seconds, const std::function<void()>& work) {
  const double start_s = ThreadCpuSeconds();
  double used_s = 0.0;
  int64_t calls = 0;
  for (int64_t batch = 1; used_s < seconds; batch *= 2) {
    // Never more than what is left, by the rate so far.
    if (calls > 0) {
      const double left = static_cast<double>(calls) * (seconds - used_s) / used_s;
      batch = std::max<int64_t>(1, std::min(batch, static_cast<int64_t>(left)));
    }
    for (int64_t i = 0; i < batch; ++i) work();
    calls += batch;
    used_s = ThreadCpuSeconds() - start_s;
  }
  return static_cast<double>(calls) / used_s;
}

double LoadAverage() {
  double load = 0.0;
  return getloadavg(&load, 1) == 1 ? load : std::numeric_limits<double>::quiet_NaN();
}

std::string DescribeMachine() {
  std::ifstream file("/proc/cpuinfo");
  std::string line, model = "unknown CPU";
  while (std::getline(file, line)) {
    if (line.rfind("model name", 0) != 0) continue;
    model = line.substr(line.find(':') + 2);
    break;
  }
  return absl::StrCat(std::thread::hardware_concurrency(), " x ", model, ", load average ",
                      LoadAverage());
}

}  // namespace pmoe
