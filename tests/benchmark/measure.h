// Clocks and limits for benchmarks. Thread-safe functions.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace pmoe {

double ProcessCpuSeconds();  // of all threads, ended ones included
double ThreadCpuSeconds();   // of the calling thread

// NaN for no values.
double Median(std::vector<double> values);
// Of over[i] / under[i], round by round.
double MedianRatio(const std::vector<double>& over, const std::vector<double>& under);

// GFLOP per CPU-second of this core right now: independent fused multiply-adds on registers in the
// widest float32 vectors that the CPU has. Takes about 30 ms.
double FmaPeakGflops();

// Calls `work` for about `seconds` of this thread's CPU time, at least once; returns calls per
// CPU-second. The first call to see a new size should be warm already.
double CallsPerCpuSecond(double seconds, const std::function<void()>& work);

// "2 x Intel(R) Xeon(R), load average 0.4".
std::string DescribeMachine();
double LoadAverage();

}  // namespace pmoe
