// What a model is, for whoever keeps or compares it: the files that MuJoCo reads for it, whatever
// names them (includes, meshes, textures, height fields, skins, attached models), and every number
// of the compiled model. Free function; thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/run.pb.h"

namespace pmoe {

struct RecordedFile {
  std::string path;
  std::string bytes;
};

struct ModelRecord {
  std::vector<EnvFact> facts;       // "model.opt.timestep", …
  std::vector<RecordedFile> files;  // the MJCF file first
};

// Loads the model once more, through a file system that notes what is read.
// InvalidArgumentError: it does not load any more.
absl::StatusOr<ModelRecord> RecordModel(const std::string& path);

}  // namespace pmoe
