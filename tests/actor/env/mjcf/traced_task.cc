#include "tests/actor/env/mjcf/traced_task.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "actor/env/mujoco_model.h"
#include "actor/env/pcg64.h"
#include "common/base/file.h"
#include "google/protobuf/text_format.h"
#include "proto/task.pb.h"
#include "tests/actor/env/oracle.h"
#include "tests/actor/env/rollout.h"
#include "tests/testing/temp_dir.h"

namespace pmoe {
namespace {

struct Part {
  SimulatorArray array;
  mjtSize size;
};

// What the oracle reads of each row, and what it says after each step.
std::vector<Part> StateParts(const mjModel& m) {
  return {{QPOS, m.nq},
          {QVEL, m.nv},
          {ACT, m.na},
          {CTRL, m.nu},
          {MOCAP_POS, 3 * m.nmocap},
          {MOCAP_QUAT, 4 * m.nmocap}};
}
std::vector<Part> SeenParts(const mjModel& m) {
  return {{QPOS, m.nq},
          {QVEL, m.nv},
          {ACT, m.na},
          {XPOS, 3 * m.nbody},
          {TEN_LENGTH, m.ntendon},
          {SENSORDATA, m.nsensordata},
          {ACTUATOR_FORCE, m.nu}};
}

mjtSize Size(const std::vector<Part>& parts) {
  mjtSize size = 0;
  for (const Part& part : parts) size += part.size;
  return size;
}

void Observe(const std::vector<Part>& parts, MjcfTaskConfig* task) {
  for (const Part& part : parts) {
    if (part.size > 0) task->add_observation()->mutable_slice()->set_array(part.array);
  }
}

MjcfTaskConfig ReadTask(const std::string& file) {
  MjcfTaskConfig task;
  const absl::StatusOr<std::string> text = ReadFile(file);
  EXPECT_TRUE(text.ok()) << text.status();
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text.value_or(""), &task)) << file;
  return task;
}

std::vector<double> RandomAction(const EnvSpec& spec, Pcg64* random) {
  std::vector<double> action(spec.action_dim);
  for (int i = 0; i < spec.action_dim; ++i) {
    action[i] = random->Uniform(spec.action_low[i], spec.action_high[i]);
  }
  return action;
}

void Write(const std::string& file, const std::vector<double>& numbers) {
  std::ofstream(file, std::ios::binary)
      .write(reinterpret_cast<const char*>(numbers.data()),
             static_cast<std::streamsize>(numbers.size() * sizeof(double)));
}

std::vector<double> Read(const std::string& file) {
  const std::string bytes = ReadFile(file).value_or("");
  std::vector<double> numbers(bytes.size() / sizeof(double));
  std::memcpy(numbers.data(), bytes.data(), numbers.size() * sizeof(double));
  return numbers;
}

// The rows of one episode: state, then what is seen.
std::vector<std::vector<double>> Episode(Env* env, int steps) {
  Pcg64 random(7);
  std::vector<double> obs(env->spec().obs_dim);
  env->Reset(1, absl::MakeSpan(obs));
  std::vector<std::vector<double>> rows = {obs};
  for (int step = 0; step < steps; ++step) {
    const StepResult result = env->Step(RandomAction(env->spec(), &random), absl::MakeSpan(obs));
    rows.push_back(obs);
    if (result.done()) break;
  }
  return rows;
}

}  // namespace

void ExpectEqualsPythonsMujoco(const TracedTask& traced) {
  TempDir dir;
  const auto model = LoadModel(traced.model);
  ASSERT_TRUE(model.ok()) << model.status();
  MjcfTaskConfig task = ReadTask(traced.file);
  task.set_model(traced.model);
  task.clear_observation();
  const std::vector<Part> state = StateParts(**model);
  const std::vector<Part> seen = SeenParts(**model);
  Observe(state, &task);
  Observe(seen, &task);
  std::string text;
  google::protobuf::TextFormat::PrintToString(task, &text);
  std::ofstream(dir.File("task.textproto")) << text;
  const auto env = MustMake("mjcf:" + dir.File("task.textproto"), {{"randomize", "false"}});

  const std::vector<std::vector<double>> rows = Episode(env.get(), traced.steps);
  std::vector<double> played;
  for (const auto& row : rows) {
    played.insert(played.end(), row.begin(), row.begin() + Size(state));
  }
  Write(dir.File("rows"), played);
  RunOracle("mjcf/task_state_oracle.py",
            {traced.model, absl::StrCat(task.frame_skip()), dir.File("rows"), dir.File("out")});
  const std::vector<double> wanted = Read(dir.File("out"));
  const mjtSize width = Size(seen);
  ASSERT_EQ(wanted.size(), (rows.size() - 1) * width);
  for (size_t i = 1; i < rows.size(); ++i) {
    ASSERT_EQ(std::memcmp(rows[i].data() + Size(state), wanted.data() + (i - 1) * width,
                          width * sizeof(double)),
              0)
        << "step " << i;
  }
  std::cout << traced.file << ": " << rows.size() - 1 << " steps of " << width
            << " numbers are equal\n";
}

void ExpectNoBreakDown(const std::string& file, const std::string& xml_file, int steps) {
  std::map<std::string, std::string> args;
  if (!xml_file.empty()) args["xml_file"] = xml_file;
  const auto env = MustMake("mjcf:" + file, args);
  Pcg64 random(3);
  std::vector<double> obs(env->spec().obs_dim);
  env->Reset(2, absl::MakeSpan(obs));
  for (int step = 0; step < steps; ++step) {
    const StepResult result = env->Step(RandomAction(env->spec(), &random), absl::MakeSpan(obs));
    ASSERT_FALSE(BrokeDown(result, obs)) << "step " << step;
    if (result.done()) env->Reset(std::nullopt, absl::MakeSpan(obs));
  }
}

}  // namespace pmoe
