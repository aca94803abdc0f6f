#include "common/metrics/tensorboard_writer.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/bytes.h"
#include "common/base/crc32c.h"
#include "common/base/status_macros.h"
#include "common/metrics/tensorboard_tags.h"
#include "proto/tensorboard.pb.h"

namespace pmoe {
namespace {

constexpr char kFilePrefix[] = "events.out.tfevents.";
constexpr int64_t kTimeMax_s = 9'999'999'999;  // of ten digits, in the year 2286

// A checksum over data that holds checksums is weak, so TFRecord stores it rotated and shifted.
uint32_t MaskedCrc(absl::string_view data) {
  const uint32_t crc = Crc32c(data);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

std::string HostName() {
  char name[256] = {};
  if (::gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0') return "localhost";
  return name;
}

// Of the folder's event files the time in the last one's name; 0: there is none.
int64_t NewestFileTime(const std::string& directory) {
  int64_t newest = 0;
  std::error_code error;
  std::filesystem::directory_iterator entry(directory, error), end;
  for (; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    absl::string_view time = name;
    int64_t seconds = 0;
    if (!absl::ConsumePrefix(&time, kFilePrefix)) continue;
    const bool known = absl::SimpleAtoi(time.substr(0, time.find('.')), &seconds);
    if (known && seconds < kTimeMax_s) newest = std::max(newest, seconds);
  }
  return newest;
}

// TensorBoard reads the files of a folder in the order of their names, and never one before that
// which it has read: a later one must sort behind, also within a second, on another host, and where
// the clock went back meanwhile.
absl::StatusOr<AppendFile> NewFile(const std::string& directory, double wall_time_s) {
  const int64_t time_s = std::max(static_cast<int64_t>(wall_time_s), NewestFileTime(directory) + 1);
  return AppendFile::Create(absl::StrCat(directory, "/", kFilePrefix, time_s, ".", HostName()));
}

// A tensor of one element.
tensorboard::TensorProto* AddTensor(tensorboard::Event* event, const std::string& tag,
                                    const std::string& plugin, const std::string& content) {
  tensorboard::Summary::Value* const value = event->mutable_summary()->add_value();
  value->set_tag(tag);
  value->mutable_metadata()->mutable_plugin_data()->set_plugin_name(plugin);
  value->mutable_metadata()->mutable_plugin_data()->set_content(content);
  value->mutable_tensor()->mutable_tensor_shape()->add_dim()->set_size(1);
  return value->mutable_tensor();
}

void AddText(const std::string& tag, absl::string_view text, tensorboard::Event* event) {
  // TensorBoard shows Markdown.
  const std::string shown = absl::StrCat("```\n", text, "\n```\n");
  tensorboard::TensorProto* const tensor = AddTensor(event, tag, "text", "");
  tensor->set_dtype(tensorboard::TensorProto::DT_STRING);
  tensor->add_string_val(shown);
}

google::protobuf::Value TypedValue(const std::string& text) {
  google::protobuf::Value value;
  double number = 0.0;
  if (text == "true" || text == "false") {
    value.set_bool_value(text == "true");
  } else if (absl::SimpleAtod(text, &number)) {
    value.set_number_value(number);
  } else {
    value.set_string_value(text);
  }
  return value;
}

std::string Record(const tensorboard::Event& event) { return TfRecord(event.SerializeAsString()); }

}  // namespace

std::string TfRecord(absl::string_view payload) {
  ByteWriter length;
  length.Pod(static_cast<uint64_t>(payload.size()));
  ByteWriter record;
  record.Raw(length.bytes().data(), length.bytes().size());
  record.Pod(MaskedCrc(length.bytes()));
  record.Raw(payload.data(), payload.size());
  record.Pod(MaskedCrc(payload));
  return record.Take();
}

absl::StatusOr<TensorBoardWriter> TensorBoardWriter::Create(const std::string& directory,
                                                            double wall_time_s) {
  PMOE_ASSIGN_OR_RETURN(AppendFile file, NewFile(directory, wall_time_s));
  tensorboard::Event first;
  first.set_wall_time(wall_time_s);
  first.set_file_version("brain.Event:2");
  PMOE_RETURN_IF_ERROR(file.Append(Record(first)));
  return TensorBoardWriter(std::move(file));
}

absl::StatusOr<TensorBoardWriter> TensorBoardWriter::Resume(const std::string& directory,
                                                            double wall_time_s, int64_t last_step) {
  PMOE_ASSIGN_OR_RETURN(TensorBoardWriter writer, Create(directory, wall_time_s));
  tensorboard::Event restart;
  restart.set_wall_time(wall_time_s);
  restart.set_step(last_step + 1);  // values from this step on are dropped
  restart.mutable_session_log()->set_status(tensorboard::SessionLog::START);
  PMOE_RETURN_IF_ERROR(writer.file_.Append(Record(restart)));
  return writer;
}

absl::Status TensorBoardWriter::WriteSettings(int64_t step, double wall_time_s,
                                              const RunSettings& settings) {
  tensorboard::HParamsPluginData hparams;
  tensorboard::SessionStartInfo* const session = hparams.mutable_session_start_info();
  session->set_start_time_secs(wall_time_s);
  for (const auto& [path, text] : settings.by_path) {
    (*session->mutable_hparams())[path] = TypedValue(text);
  }
  tensorboard::Event event;
  event.set_wall_time(wall_time_s);
  event.set_step(step);
  AddText("config/text_summary", settings.config_text, &event);
  tensorboard::TensorProto* const tensor =
      AddTensor(&event, "_hparams_/session_start_info", "hparams", hparams.SerializeAsString());
  tensor->set_dtype(tensorboard::TensorProto::DT_FLOAT);
  tensor->add_float_val(0.0f);
  return file_.Append(Record(event));
}

absl::Status TensorBoardWriter::WriteGif(int64_t step, double wall_time_s, const std::string& tag,
                                         const std::string& gif) {
  constexpr size_t kSignature = 6;  // "GIF89a", then two little-endian sizes
  uint16_t width = 0, height = 0;
  ByteReader head(absl::string_view(gif).substr(std::min(kSignature, gif.size())));
  head.Pod(&width);
  head.Pod(&height);
  if (!absl::StartsWith(gif, "GIF8") || !head.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(tag, " is no GIF file"));
  }
  tensorboard::Event event;
  event.set_wall_time(wall_time_s);
  event.set_step(step);
  tensorboard::Summary::Value* const value = event.mutable_summary()->add_value();
  value->set_tag(tag);
  value->mutable_image()->set_width(width);
  value->mutable_image()->set_height(height);
  value->mutable_image()->set_colorspace(3);
  value->mutable_image()->set_encoded_image_string(gif);
  return file_.Append(Record(event));
}

absl::Status TensorBoardWriter::Write(int64_t step, double wall_time_s, const MetricRow& row) {
  tensorboard::Event event;
  event.set_wall_time(wall_time_s);
  event.set_step(step);
  for (const auto& [column, value] : row) {
    tensorboard::Summary::Value* scalar = event.mutable_summary()->add_value();
    scalar->set_tag(TensorBoardTag(column));
    scalar->set_simple_value(static_cast<float>(value));
  }
  return file_.Append(Record(event));
}

}  // namespace pmoe
