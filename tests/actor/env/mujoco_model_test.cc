// SkipNeedlessWork changes no bit: every contact and the whole state, step by step, against the
// model as its file has it.
#include "actor/env/mujoco_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "common/base/rng.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

MjModelPtr Load(const std::string& path) {
  std::array<char, 1000> error{};
  MjModelPtr model(mj_loadXML(path.c_str(), nullptr, error.data(), error.size()));
  EXPECT_NE(model, nullptr) << path << ": " << error.data();
  return model;
}

bool SameBits(const mjtNum* a, const mjtNum* b, long n) {
  return std::memcmp(a, b, static_cast<size_t>(n) * sizeof(mjtNum)) == 0;
}

bool SameContacts(const mjData& a, const mjData& b) {
  if (a.ncon != b.ncon || a.nefc != b.nefc) return false;
  for (int i = 0; i < a.ncon; ++i) {
    const mjContact &x = a.contact[i], &y = b.contact[i];
    if (x.geom[0] != y.geom[0] || x.geom[1] != y.geom[1] || x.dist != y.dist) return false;
    if (!SameBits(x.pos, y.pos, 3)) return false;
  }
  return SameBits(a.efc_force, b.efc_force, a.nefc);
}

bool SameState(const mjModel& m, const mjData& a, const mjData& b) {
  return SameBits(a.qpos, b.qpos, m.nq) && SameBits(a.qvel, b.qvel, m.nv) &&
         SameBits(a.qacc_warmstart, b.qacc_warmstart, m.nv) &&
         SameBits(a.cfrc_ext, b.cfrc_ext, 6 * m.nbody);
}

// The most contacts at once, so that a test can tell that it saw any.
int ExpectSameBits(const std::string& path, int steps) {
  const MjModelPtr plain = Load(path), fast = Load(path);
  if (plain == nullptr || fast == nullptr) return 0;
  SkipNeedlessWork(fast.get());
  const MjDataPtr a = MakeData(*plain), b = MakeData(*fast);
  Rng rng(1, RngRole::kActor, 0);
  int contacts = 0;
  for (int step = 0; step < steps; ++step) {
    for (int i = 0; i < plain->nu; ++i) a->ctrl[i] = b->ctrl[i] = 2.0 * rng.Uniform() - 1.0;
    for (const auto& [model, data] : {std::pair{plain.get(), a.get()}, {fast.get(), b.get()}}) {
      mj_step(model, data);
      mj_rnePostConstraint(model, data);
    }
    EXPECT_TRUE(SameContacts(*a, *b)) << path << ", step " << step;
    EXPECT_TRUE(SameState(*plain, *a, *b)) << path << ", step " << step;
    if (::testing::Test::HasFailure()) break;
    contacts = std::max(contacts, a->ncon);
  }
  return contacts;
}

TEST(SkipNeedlessWorkTest, ChangesNoBitOnGymnasiumsModels) {
  int models = 0;
  for (const auto& file : std::filesystem::directory_iterator(AssetsDir(""))) {
    if (file.path().extension() != ".xml" || file.path().stem() == "point") continue;
    ExpectSameBits(file.path().string(), 2'000);
    ++models;
  }
  EXPECT_GE(models, 13);
}

// `geoms` balls around each of five linked bodies above a floor, which fall in a heap. The last
// may be a capsule.
std::string Heap(int geoms, bool mixed = false) {
  std::string body, end;
  for (int i = 0; i < 5; ++i) {
    body += "<body pos='0.3 0.02 0.1'>";
    body += i == 0 ? "<freejoint/>" : "<joint type='ball'/>";
    for (int g = 0; g < geoms; ++g) {
      body += mixed && g == geoms - 1 ? "<geom type='capsule' size='0.1 0.1" : "<geom size='0.1";
      body += "' pos='0." + std::to_string(g) + " -0.0" + std::to_string(g) + " 0.0" +
              std::to_string(9 - g) + "'/>";
    }
    end += "</body>";
  }
  return "<mujoco><worldbody><geom type='plane' size='9 9 1'/>" + body + end +
         "</worldbody></mujoco>";
}

class HeapTest : public ::testing::TestWithParam<int> {};

TEST_P(HeapTest, ChangesNoBit) {
  const testing::TempDir dir;
  const std::string path = dir.path() + "/heap.xml";
  std::ofstream(path) << Heap(GetParam());
  EXPECT_GT(ExpectSameBits(path, 2'000), 4);
}

INSTANTIATE_TEST_SUITE_P(Geoms, HeapTest, ::testing::Values(1, 3, 5, 8));

TEST(SkipNeedlessWorkTest, KeepsTheIslandsOfSeveralTreesAndTheMidphaseOfManyOrMixedGeoms) {
  const MjModelPtr pusher = Load(AssetsDir("") + "/pusher_v5.xml");
  SkipNeedlessWork(pusher.get());
  EXPECT_EQ(pusher->opt.disableflags & mjDSBL_ISLAND, 0);
  const testing::TempDir dir;
  std::ofstream(dir.path() + "/heap.xml") << Heap(9);
  const MjModelPtr heap = Load(dir.path() + "/heap.xml");
  SkipNeedlessWork(heap.get());
  EXPECT_EQ(heap->opt.disableflags & mjDSBL_MIDPHASE, 0);
  EXPECT_NE(heap->opt.disableflags & mjDSBL_ISLAND, 0);
  std::ofstream(dir.path() + "/mixed.xml") << Heap(3, true);
  const MjModelPtr mixed = Load(dir.path() + "/mixed.xml");
  SkipNeedlessWork(mixed.get());
  EXPECT_EQ(mixed->opt.disableflags & mjDSBL_MIDPHASE, 0);
}

}  // namespace
}  // namespace pmoe
