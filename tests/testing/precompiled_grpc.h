// precompiled.h and what each test of a gRPC service or client includes.
#pragma once

#include <grpcpp/grpcpp.h>  // IWYU pragma: keep

#include "proto/health.grpc.pb.h"
#include "proto/replay.grpc.pb.h"
#include "proto/run.grpc.pb.h"
#include "tests/testing/precompiled.h"
