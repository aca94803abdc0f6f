#include "run/checkpoint.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/status_macros.h"
#include "common/policy/container.h"

namespace pmoe {
namespace {

constexpr char kActing[] = "acting";

std::string ActorSection(size_t index) { return absl::StrCat("actor.", index); }

// What the disk did to it, or somebody's rm; an older one may be whole.
bool IsDamage(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsNotFound(status);
}

absl::StatusOr<ContainerReader> OpenState(const std::string& file) {
  PMOE_ASSIGN_OR_RETURN(std::string bytes, ReadFile(file));
  absl::StatusOr<ContainerReader> container = ContainerReader::Open(std::move(bytes));
  if (!container.ok()) {
    return absl::Status(container.status().code(),
                        absl::StrCat(file, ": ", container.status().message()));
  }
  if (container->header().kind != ContainerKind::kCheckpoint) {
    return absl::DataLossError(absl::StrCat(file, " is a policy snapshot and no checkpoint"));
  }
  return container;
}

uint64_t NewestVersion(const RunParts& parts, const PolicySnapshot& snapshot) {
  return std::max(snapshot.version, parts.actors->NewestVersionSeen());
}

absl::StatusOr<LoadedCheckpoint> ReadCheckpoint(const RunParts& parts, uint64_t env_steps,
                                                uint64_t hash) {
  const RunDirectory& directory = *parts.directory;
  PMOE_ASSIGN_OR_RETURN(const ContainerReader container,
                        OpenState(directory.CheckpointFile(env_steps)));
  if (container.header().architecture_hash != hash) {
    return absl::FailedPreconditionError(
        absl::StrCat("the checkpoint in ", directory.path(),
                     " has another policy architecture than this configuration; resume it without "
                     "changing env.*, policy.* or algorithm, and see that ",
                     directory.File("config.textproto"), " is as it was"));
  }
  PMOE_RETURN_IF_ERROR(parts.learner->LoadState(container));
  LoadedCheckpoint loaded;
  loaded.env_steps = env_steps;
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

// Those before the one that was loaded: they must not count as the newest any more.
absl::Status SetAsideNewer(const RunDirectory& directory, const std::vector<uint64_t>& steps,
                           const std::vector<std::string>& reasons) {
  for (size_t i = 0; i < reasons.size(); ++i) {
    PMOE_ASSIGN_OR_RETURN(const std::string aside, directory.SetAside(steps[i]));
    const std::string text =
        absl::StrCat("passed over the checkpoint at ", steps[i], " env steps, which is damaged (",
                     reasons[i], "); it lies in ", aside, " now");
    Log(LogLevel::kWarning, text);
    directory.Note(absl::StrCat("warning: ", text)).IgnoreError();
  }
  return absl::OkStatus();
}

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
  CheckpointNote note = {parts.learner_epoch, NewestVersion(parts, snapshot), name};
  if (replay) {
    PMOE_RETURN_IF_ERROR(parts.replay->Save(name));
  } else {
    const absl::StatusOr<uint64_t> before = directory.NewestCheckpoint();
    note.table = before.ok() ? directory.NoteOf(*before).table : "";
  }
  const std::string state = container.Finish(
      {ContainerKind::kCheckpoint, snapshot.spec.Hash(), snapshot.version, checkpoint.env_steps});
  // Before the checkpoint counts: a run that has its last one is not written to again.
  PMOE_RETURN_IF_ERROR(WriteFileAtomic(directory.SnapshotFile("latest"), snapshot.Encode()));
  PMOE_RETURN_IF_ERROR(directory.SaveCheckpoint(checkpoint.env_steps, state, note, keep));
  return replay ? parts.replay->KeepOnly(directory.TablesOfCheckpoints()) : absl::OkStatus();
}

int64_t StateBytes(const Learner& learner) {
  ContainerWriter container;
  learner.SaveState(&container);
  return static_cast<int64_t>(container.Finish({.kind = ContainerKind::kCheckpoint}).size());
}

absl::StatusOr<LoadedCheckpoint> LoadNewestCheckpoint(const RunParts& parts, uint64_t hash,
                                                      bool replay) {
  const RunDirectory& directory = *parts.directory;
  PMOE_RETURN_IF_ERROR(directory.NewestCheckpoint().status());
  std::vector<uint64_t> steps = directory.Checkpoints();
  std::reverse(steps.begin(), steps.end());
  std::vector<std::string> reasons;  // why those before were passed over
  for (const uint64_t at : steps) {
    absl::StatusOr<LoadedCheckpoint> loaded = ReadCheckpoint(parts, at, hash);
    if (loaded.ok() && replay) {
      parts.replay->OnPublish(loaded->version);  // no row of its table can be of a newer policy
      const absl::Status restored = parts.replay->Restore(absl::StrCat(at));
      if (!restored.ok()) loaded = restored;
    }
    if (loaded.ok()) {
      PMOE_RETURN_IF_ERROR(SetAsideNewer(directory, steps, reasons));
      return loaded;
    }
    if (!IsDamage(loaded.status())) return loaded;
    reasons.emplace_back(loaded.status().message());
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "no checkpoint in ", directory.path(), " can be used: ", absl::StrJoin(reasons, "; "),
      "; put a copy of one back, or start the run anew with another --out; `pmoe run verify ",
      directory.path(), "` says what is whole"));
}

absl::StatusOr<uint64_t> CheckCheckpoint(const std::string& file) {
  PMOE_ASSIGN_OR_RETURN(const ContainerReader container, OpenState(file));
  return container.header().policy_version;
}

}  // namespace pmoe
