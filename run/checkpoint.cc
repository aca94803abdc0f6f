#include "run/checkpoint.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/file.h"
#include "common/base/status_macros.h"
#include "common/policy/container.h"

namespace pmoe {
namespace {

constexpr char kActing[] = "acting";

std::string ActorSection(size_t index) { return absl::StrCat("actor.", index); }

}  // namespace

absl::Status WriteCheckpoint(const RunParts& parts, const RunCheckpoint& checkpoint, bool replay,
                             int keep) {
  const RunDirectory& directory = *parts.directory;
  const std::string name = absl::StrCat(checkpoint.env_steps);
  ContainerWriter container;
  parts.learner->SaveState(&container);
  container.Add("run", checkpoint.run);
  if (checkpoint.acting != nullptr) container.Add(kActing, checkpoint.acting->Encode());
  ByteWriter count;
  count.Pod(static_cast<uint32_t>(checkpoint.actors.size()));
  container.Add("actors", count.Take());
  for (size_t i = 0; i < checkpoint.actors.size(); ++i) {
    container.Add(ActorSection(i), checkpoint.actors[i]);
  }
  const PolicySnapshot& snapshot = *checkpoint.snapshot;
  if (replay) PMOE_RETURN_IF_ERROR(parts.replay->Save(name));
  PMOE_ASSIGN_OR_RETURN(const std::string file, directory.PrepareCheckpoint(checkpoint.env_steps));
  PMOE_RETURN_IF_ERROR(
      WriteFileAtomic(file, container.Finish({ContainerKind::kCheckpoint, snapshot.spec.Hash(),
                                              snapshot.version, checkpoint.env_steps})));
  PMOE_RETURN_IF_ERROR(directory.CommitCheckpoint(checkpoint.env_steps, keep));
  if (replay) PMOE_RETURN_IF_ERROR(parts.replay->KeepOnly(name));
  return WriteFileAtomic(directory.SnapshotFile("latest"), snapshot.Encode());
}

int64_t StateBytes(const Learner& learner) {
  ContainerWriter container;
  learner.SaveState(&container);
  return static_cast<int64_t>(container.Finish({.kind = ContainerKind::kCheckpoint}).size());
}

absl::StatusOr<LoadedCheckpoint> ReadCheckpoint(const RunParts& parts, uint64_t env_steps,
                                                uint64_t hash) {
  const RunDirectory& directory = *parts.directory;
  PMOE_ASSIGN_OR_RETURN(std::string bytes, ReadFile(directory.CheckpointFile(env_steps)));
  PMOE_ASSIGN_OR_RETURN(const ContainerReader container, ContainerReader::Open(std::move(bytes)));
  if (container.header().architecture_hash != hash) {
    return absl::FailedPreconditionError(
        absl::StrCat("the checkpoint in ", directory.path(),
                     " has another policy architecture than this configuration; resume it without "
                     "changing env.*, policy.* or algorithm"));
  }
  PMOE_RETURN_IF_ERROR(parts.learner->LoadState(container));
  LoadedCheckpoint loaded;
  loaded.version = container.header().policy_version;
  if (const auto acting = container.Section(kActing); acting.ok()) {
    PMOE_ASSIGN_OR_RETURN(PolicySnapshot snapshot, PolicySnapshot::Decode(std::string(*acting)));
    loaded.acting = std::make_shared<const PolicySnapshot>(std::move(snapshot));
  }
  PMOE_ASSIGN_OR_RETURN(const absl::string_view run, container.Section("run"));
  loaded.run.assign(run.data(), run.size());
  PMOE_ASSIGN_OR_RETURN(const absl::string_view count, container.Section("actors"));
  ByteReader in(count);
  uint32_t actors = 0;
  in.Pod(&actors);
  PMOE_RETURN_IF_ERROR(in.Finish("checkpoint: actors"));
  for (uint32_t i = 0; i < actors; ++i) {
    PMOE_ASSIGN_OR_RETURN(const absl::string_view part, container.Section(ActorSection(i)));
    loaded.actors.emplace_back(part.data(), part.size());
  }
  return loaded;
}

}  // namespace pmoe
