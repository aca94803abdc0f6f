#include "cli/doctor/needs.h"

#include <filesystem>
#include <fstream>

#include "cli/doctor/report.h"
#include "gmock/gmock.h"
#include "nlohmann/json.hpp"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

Machine SmallMachine() {
  Machine machine;
  machine.memory_bytes = machine.memory_limit_bytes = machine.memory_free_bytes = 4'000'000'000;
  machine.descriptors_max = 1024;
  return machine;
}

TEST(NeedsTest, MemoryIsTheLesserOfLimitAndFree) {
  Machine machine = SmallMachine();
  EXPECT_TRUE(HasMemory(machine).ok);
  machine.memory_limit_bytes = 500'000'000;
  EXPECT_THAT(HasMemory(machine).found, HasSubstr("0.5 GB for this process"));
  EXPECT_FALSE(HasMemory(machine).ok);
  machine.memory_limit_bytes = 4'000'000'000;
  machine.memory_free_bytes = 500'000'000;
  EXPECT_FALSE(HasMemory(machine).ok);
  machine.memory_free_bytes = machine.memory_limit_bytes = 0;
  EXPECT_TRUE(HasMemory(machine).ok) << "what cannot be asked is no reason to refuse";
}

TEST(NeedsTest, FewDescriptorsAreTooFew) {
  Machine machine = SmallMachine();
  EXPECT_TRUE(HasDescriptors(machine).ok);
  machine.descriptors_max = 64;
  EXPECT_THAT(HasDescriptors(machine).fix, HasSubstr("ulimit -H -n"));
}

TEST(NeedsTest, AFolderThatIsNotThereHoldsNothing) {
  TempDir dir;
  EXPECT_TRUE(HasDisk("disk", dir.path()).ok);
  const Need need = HasDisk("temporary files", dir.File("none"));
  EXPECT_FALSE(need.ok);
  EXPECT_THAT(need.found, HasSubstr(dir.File("none")));
  EXPECT_THAT(need.fix, HasSubstr("TMPDIR="));
}

TEST(NeedsTest, CudaIsTheLibraryAndWhatItLoads) {
  TempDir site;
  const fs::path torch = fs::path(site.path()) / "torch/lib";
  fs::create_directories(torch);
  EXPECT_EQ(TorchFlavour(site.path()), "cpu");
  std::ofstream(torch / "libtorch_cuda.so") << "";
  EXPECT_THAT(TorchFlavour(site.path()), HasSubstr("CPU only"));
  fs::create_directories(fs::path(site.path()) / "nvidia/cudnn");
  EXPECT_EQ(TorchFlavour(site.path()), "cuda");
}

TEST(NeedsTest, WithoutAGpuThereIsNoCuda) {
  Machine machine = SmallMachine();
  EXPECT_FALSE(HasGpu(machine).ok);
  EXPECT_EQ(HasCudaTorch(machine).found, "none");
  machine.torch = "2.11.0";
  machine.torch_flavour = "cpu";
  EXPECT_EQ(HasCudaTorch(machine).found, "2.11.0: cpu");
}

// Two parts: one that works, one that lacks something.
Examination MixedExamination() {
  Examination examination;
  examination.machine = SmallMachine();
  examination.parts = {
      {"train", "learns", true, {{"memory", true, "4.0 GB", ""}}, Trial{true, "trained", 3.0}},
      {"play", "draws", false, {{"ffmpeg", false, "not on PATH", "install it"}}, {}}};
  return examination;
}

TEST(ReportTest, WhatWasNotAskedForMayBeMissing) {
  Examination examination = MixedExamination();
  EXPECT_TRUE(examination.ok());
  EXPECT_THAT(ReportText(examination), HasSubstr("asked for and fine: train"));
  examination.parts[1].asked = true;
  EXPECT_FALSE(examination.ok());
  EXPECT_THAT(ReportText(examination), HasSubstr("asked for and not working here: play"));
}

TEST(ReportTest, NamesTheFixOfWhatIsMissing) {
  const std::string text = ReportText(MixedExamination());
  EXPECT_THAT(text, HasSubstr("ffmpeg: not on PATH\n      fix: install it\n"));
  EXPECT_THAT(text, HasSubstr("works: trained in 3.0 s"));
  EXPECT_THAT(text, Not(HasSubstr("memory: 4.0 GB\n")));
}

TEST(ReportTest, AFailedTrialIsNoWork) {
  Examination examination = MixedExamination();
  examination.parts[0].trial = Trial{false, "no room", 1.0};
  EXPECT_FALSE(examination.ok());
  EXPECT_THAT(ReportText(examination), HasSubstr("tried: no room"));
}

TEST(ReportTest, JsonSaysTheSame) {
  const auto json = nlohmann::json::parse(ReportJson(MixedExamination()));
  EXPECT_EQ(json["works"], true);
  EXPECT_EQ(json["parts"][0]["trial"]["seconds"], 3.0);
  EXPECT_EQ(json["parts"][1]["needs"][0]["fix"], "install it");
  EXPECT_EQ(json["parts"][1]["trial"], nullptr);
  EXPECT_EQ(json["machine"]["descriptors_max"], 1024);
}

}  // namespace
}  // namespace pmoe
