// The model that does what was measured: seconds per env step and per update, with and without a
// core. Pure function.
//
// Times per env step are shares over the rate: an actor that spends the share b of its time on
// steps, with N actors and X env steps per second in all, takes b N / X for one. Its CPU time d
// comes from its process's use of cores; what is left of b N / X after f d, f being the stretch of
// the model itself, needs no core. Fit and prediction take turns until f stands still.
//
// Whoever waits less sets the pace, and its own waits count as its work: they are what a sample or
// an acknowledgement takes.
#pragma once

#include "common/verdict/run_measure.h"
#include "common/verdict/run_model.h"

namespace pmoe {

// What Clean() gave, with a rate above 0 and at least one actor that measures its time.
RunModel FitModel(const RunMeasure& measure);

// Shares of their time, 0 to 1, in which actors (on average) and the learner wait for each other.
double ActorsWait(const RunMeasure& measure);
double LearnerWait(const RunMeasure& measure);
// The learner waits for evaluations so long that nobody gets ahead of the evaluator.
bool EvaluatorBinds(const RunMeasure& measure);

// Whether it takes part, reports and measures its time.
bool IsMeasured(const ActorMeasure& actor);

}  // namespace pmoe
