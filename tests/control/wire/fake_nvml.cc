// What the GPU driver's library has of the functions that GpuMeter calls, over two GPUs: the first
// is 37 % busy, the second says nothing of itself.
#include <cstring>

extern "C" {

int nvmlInit_v2() { return 0; }
int nvmlShutdown() { return 0; }
int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = 2;
  return 0;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  static int gpus[2];
  *device = &gpus[index];
  return index == 0 ? 0 : 1;
}
int nvmlDeviceGetName(void*, char* name, unsigned size) {
  std::strncpy(name, "Fake GPU", size);
  return 0;
}
int nvmlDeviceGetUtilizationRates(void*, unsigned* gpu_and_memory) {
  gpu_and_memory[0] = 37;
  gpu_and_memory[1] = 5;
  return 0;
}
int nvmlDeviceGetMemoryInfo(void*, unsigned long long* total_free_used) {
  total_free_used[0] = 1000;
  total_free_used[1] = 400;
  total_free_used[2] = 600;
  return 0;
}
}
