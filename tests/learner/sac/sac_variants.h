// Options of the SAC family under which the two editions of its update are compared.
// tidy: long because it is one table.
#pragma once

#include "common/policy/policy_spec.h"
#include "learner/sac/sac_options.h"

namespace pmoe {

inline constexpr int kVariantActions = 3;

struct Variant {
  const char* name;
  void (*change)(SacOptions* options, PolicyOptions* policy);
  int members = 1;
};

inline void Nothing(SacOptions*, PolicyOptions*) {}

inline void Quantiles(SacOptions* options, PolicyOptions*) {
  options->quantiles = 7;
  options->dropped_quantiles = 2;
  options->quantile_critics = 2;
}
const Variant kQuantiles = {"quantiles", &Quantiles};

inline void LayerNorm(SacOptions* options, PolicyOptions*) {
  options->critic_norm = CriticNorm::kLayer;
}
const Variant kLayerNorm = {"layer_norm", &LayerNorm};

inline void Tied(SacOptions* options, PolicyOptions*) {
  options->tie = {.mean = 0.3, .log_std = 0.0};
}
const Variant kTied = {"tied", &Tied};

inline const Variant kVariants[] = {
    {"max", &Nothing},
    {"gaussian", [](SacOptions*, PolicyOptions* p) { p->head = HeadType::kGaussian; }},
    {"all", [](SacOptions* o, PolicyOptions*) { o->primitive_backprop = PrimitiveBackprop::kAll; }},
    {"loser_weight", [](SacOptions* o, PolicyOptions*) { o->loser_weight = 0.3; }},
    {"soft_q", [](SacOptions* o, PolicyOptions*) { o->best_by = BestBy::kSoftQ; }},
    {"mixture_entropy", [](SacOptions* o, PolicyOptions*) { o->entropy = EntropyOf::kMixture; }},
    {"mixture_entropy_all",
     [](SacOptions* o, PolicyOptions*) {
       o->entropy = EntropyOf::kMixture;
       o->primitive_backprop = PrimitiveBackprop::kAll;
       o->best_by = BestBy::kSoftQ;
       o->router_detached = false;
     }},
    {"cross_entropy",
     [](SacOptions* o, PolicyOptions*) { o->router_loss = RouterLoss::kCrossEntropy; }},
    {"no_router_loss", [](SacOptions* o, PolicyOptions*) { o->router_loss = RouterLoss::kNone; }},
    {"freq_mean",
     [](SacOptions* o, PolicyOptions*) {
       o->freq_reduction = Reduction::kMean;
       o->freq_coef = 0.7;
       o->router_detached = false;
     }},
    {"expected_target", [](SacOptions* o, PolicyOptions*) { o->target = TargetOver::kExpected; }},
    {"target_policy", [](SacOptions* o, PolicyOptions*) { o->target_policy = true; }},
    {"one_critic", [](SacOptions* o, PolicyOptions*) { o->twin_critics = false; }},
    {"tuned_alpha",
     [](SacOptions* o, PolicyOptions*) {
       o->tune_alpha = true;
       o->target_entropy = -kVariantActions;
       o->logprob_action_scale = true;
     }},
    {"marginal",
     [](SacOptions* o, PolicyOptions*) {
       o->estimator = Estimator::kMarginal;
       o->entropy = EntropyOf::kMixture;
       o->target = TargetOver::kExpected;
       o->router_detached = false;
     }},
    {"marginal_component",
     [](SacOptions* o, PolicyOptions*) {
       o->estimator = Estimator::kMarginal;
       o->router_detached = false;
     }},
    {"reinforce",
     [](SacOptions* o, PolicyOptions*) {
       o->estimator = Estimator::kReinforce;
       o->router_detached = false;
     }},
    {"reinforce_baseline",
     [](SacOptions* o, PolicyOptions*) {
       o->estimator = Estimator::kReinforce;
       o->reinforce_baseline = Baseline::kExpected;
       o->best_by = BestBy::kSoftQ;
       o->router_detached = false;
     }},
    {"router_on_obs", [](SacOptions*, PolicyOptions* p) { p->router_reads_obs = true; }},
    {"own_layers",
     [](SacOptions*, PolicyOptions* p) {
       p->primitive_hidden = {12};
       p->router_hidden = {9};
     }},
    {"tanh_policy",
     [](SacOptions* o, PolicyOptions* p) {
       p->activation = Activation::kTanh;
       o->critic_hidden = {17};
     }},
    {"gumbel",
     [](SacOptions* o, PolicyOptions*) {
       o->estimator = Estimator::kGumbel;
       o->router_detached = false;
     }},
    {"gumbel_soft",
     [](SacOptions* o, PolicyOptions*) {
       o->estimator = Estimator::kGumbel;
       o->gumbel_hard = false;
       o->best_by = BestBy::kSoftQ;
     }},
    {"gating",
     [](SacOptions* o, PolicyOptions* p) {
       p->head = HeadType::kGating;
       o->router_detached = false;
     }},
    {"gating_squared",
     [](SacOptions* o, PolicyOptions* p) {
       p->head = HeadType::kGating;
       p->gating_squared = true;
       o->tune_alpha = true;
       o->target = TargetOver::kExpected;
     }},
    {"mcp",
     [](SacOptions* o, PolicyOptions* p) {
       p->head = HeadType::kMcp;
       p->primitive_hidden = {12};
       p->router_hidden = {9};
       o->router_detached = false;
     }},
    {"three_members", [](SacOptions* o, PolicyOptions*) { o->members = 3; }, 3},
    {"three_members_all",
     [](SacOptions* o, PolicyOptions*) {
       o->members = 3;
       o->primitive_backprop = PrimitiveBackprop::kAll;
       o->tune_alpha = true;
     },
     3},
    {"quantiles", &Quantiles},
    {"quantiles_gaussian",
     [](SacOptions* o, PolicyOptions* p) {
       Quantiles(o, p);
       p->head = HeadType::kGaussian;
       o->tune_alpha = true;
     }},
    {"quantiles_one_critic",
     [](SacOptions* o, PolicyOptions* p) {
       Quantiles(o, p);
       o->quantile_critics = 1;
       o->dropped_quantiles = 0;
     }},
    {"quantiles_expected",
     [](SacOptions* o, PolicyOptions* p) {
       Quantiles(o, p);
       o->quantile_critics = 3;
       o->quantiles = 18;  // more than are computed side by side
       o->target = TargetOver::kExpected;
       o->entropy = EntropyOf::kMixture;
       o->primitive_backprop = PrimitiveBackprop::kAll;
       o->best_by = BestBy::kSoftQ;
       o->target_policy = true;
     }},
    {"quantiles_marginal",
     [](SacOptions* o, PolicyOptions* p) {
       Quantiles(o, p);
       o->estimator = Estimator::kMarginal;
       o->entropy = EntropyOf::kMixture;
       o->target = TargetOver::kExpected;
       o->router_detached = false;
     }},
    {"quantiles_reinforce",
     [](SacOptions* o, PolicyOptions* p) {
       Quantiles(o, p);
       o->estimator = Estimator::kReinforce;
       o->reinforce_baseline = Baseline::kExpected;
     }},
    {"quantiles_gumbel",
     [](SacOptions* o, PolicyOptions* p) {
       Quantiles(o, p);
       o->estimator = Estimator::kGumbel;
       o->router_detached = false;
     }},
    {"quantiles_gating",
     [](SacOptions* o, PolicyOptions* p) {
       Quantiles(o, p);
       p->head = HeadType::kGating;
     }},
    {"quantiles_mcp",
     [](SacOptions* o, PolicyOptions* p) {
       Quantiles(o, p);
       p->head = HeadType::kMcp;
       p->router_hidden = {9};
     }},
    {"quantiles_three_members",
     [](SacOptions* o, PolicyOptions* p) {
       Quantiles(o, p);
       o->members = 3;
     },
     3},
    {"tied", &Tied},
    {"tied_with_target",
     [](SacOptions* o, PolicyOptions* p) {
       Tied(o, p);
       o->tie.log_std = 2.0;
       o->target_policy = true;
       o->members = 3;
     },
     3},
    {"layer_norm", &LayerNorm},
    {"layer_norm_all",
     [](SacOptions* o, PolicyOptions* p) {
       LayerNorm(o, p);
       o->primitive_backprop = PrimitiveBackprop::kAll;
       o->twin_critics = false;
     }},
    {"layer_norm_gumbel",
     [](SacOptions* o, PolicyOptions* p) {
       LayerNorm(o, p);
       o->estimator = Estimator::kGumbel;
       o->target = TargetOver::kExpected;
     }},
    {"layer_norm_quantiles",
     [](SacOptions* o, PolicyOptions* p) {
       LayerNorm(o, p);
       Quantiles(o, p);
       o->members = 3;
       o->tune_alpha = true;
     },
     3},
};

}  // namespace pmoe
