// The page's files, put into the binary at build time (cmake/embed_files.cmake), so that the
// dashboard needs neither an installation nor a network. Immutable.
#pragma once

#include <vector>

#include "absl/strings/string_view.h"

namespace pmoe {

struct EmbeddedFile {
  absl::string_view url;  // "/app.js"
  absl::string_view bytes;
};

const std::vector<EmbeddedFile>& EmbeddedFiles();

}  // namespace pmoe
