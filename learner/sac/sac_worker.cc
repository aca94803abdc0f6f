#include "learner/sac/sac_worker.h"

#include <algorithm>
#include <cmath>

namespace pmoe {
namespace {

constexpr long kTileMax = 128;  // rows whose activations of a layer (128 KB) stay in the L2 cache
constexpr long kRowGrain = 4;   // rows that a product takes at once, a third of them

// Calls tile(begin, rows) for pieces of nearly equal size.
template <typename Function>
void ForTiles(Share rows, Function tile) {
  const long tiles = (rows.size() + kTileMax - 1) / kTileMax;
  for (long t = 0; t < tiles; ++t) {
    const Share share = ShareOf(rows.size(), t, tiles, kRowGrain);
    tile(rows.begin + share.begin, share.size());
  }
}

}  // namespace

template <typename T>
SacWorker<T>::SacWorker(SacPasses<T>* passes)
    : p_(*passes),
      tile_(std::min<long>(p_.options.batch_size, kTileMax)),
      target_policy_rows_(p_.policy_plan, tile_),
      target_critic_rows_(p_.critic_plan, tile_),
      own_heads_(p_.own_heads, p_.composition ? tile_ : 0),
      heads_(p_.heads, tile_),
      target_draws_(p_.options.target == TargetOver::kExpected ? p_.primitives : 1, p_.action_dim,
                    tile_),
      draws_(p_.primitives, p_.action_dim, tile_),
      terms_(p_.primitives, tile_),
      own_gradients_(p_.own_heads, p_.composition ? tile_ : 0),
      head_gradients_(p_.heads, tile_),
      row_stats_(p_.own_primitives, p_.action_dim, p_.composition.has_value()) {
  const size_t tile = static_cast<size_t>(tile_), k = static_cast<size_t>(p_.primitives);
  const size_t live = static_cast<size_t>(p_.live_per_row);
  y_.resize(tile);
  first_part_.resize(tile * static_cast<size_t>(p_.critic_plan.nodes()[0].width));
  q_.resize(tile * k);
  log_prob_.resize(tile * k);
  share_.resize(tile * k * k);
  d_action_.resize(live * tile * static_cast<size_t>(p_.action_dim));
  d_critic_.resize(d_action_.size());
  smaller_.resize(tile * k);
  index_.resize(tile);
  ranked_row_.resize(live * tile);
  tile_row_.resize(live * tile);
  if (p_.options.quantiles > 0) quantiles_.emplace(p_.options, target_draws_.draws, tile_);
  if (p_.composition) composed_log_std_.resize(tile * static_cast<size_t>(p_.action_dim));
  if (p_.options.estimator == Estimator::kGumbel) {
    gumbel_.emplace(p_.primitives, p_.action_dim, tile_);
  }
}

template <typename T>
void SacWorker<T>::CriticRows(int member, Share rows) {
  ForTiles(rows, [&](long row, long n) { CriticTile(member, row, n); });
}

template <typename T>
void SacWorker<T>::PolicyRows(int member, Share rows) {
  ForTiles(rows, [&](long row, long n) { PolicyTile(member, row, n); });
}

template <typename T>
ComposedRows<T> SacWorker<T>::Composed(long n) const {
  const long width = long{p_.own_primitives} * p_.action_dim;
  return {*p_.composition,
          {n, p_.own_primitives, p_.action_dim},
          {own_heads_.mean.data(), width},
          {own_heads_.log_std.data(), width},
          {own_heads_.w.data(), p_.own_primitives}};
}

template <typename T>
void SacWorker<T>::ReadHeads(const NetRows<T>& net, long row, long n) {
  if (!p_.composition) return heads_.Read(net, row, n);
  own_heads_.Read(net, row, n);
  Compose(Composed(n), heads_.mean.data(), composed_log_std_.data());
  for (size_t i = 0; i < static_cast<size_t>(n * p_.action_dim); ++i) {
    heads_.log_std[i] = ClampedLogStd(composed_log_std_[i]);
  }
}

template <typename T>
void SacWorker<T>::WriteHeads(const NetRows<T>& net, long row, long n, NetRows<T>* gradients) {
  if (!p_.composition) return head_gradients_.Write(net, row, n, gradients);
  const long width = long{p_.own_primitives} * p_.action_dim;
  for (size_t i = 0; i < static_cast<size_t>(n * p_.action_dim); ++i) {
    if (!LogStdIsFree(composed_log_std_[i])) head_gradients_.log_std[i] = 0;
  }
  T* const to_w = own_gradients_.logit.data();
  ComposeGradient(Composed(n), head_gradients_.mean.data(), head_gradients_.log_std.data(),
                  {own_gradients_.mean.data(), width}, {own_gradients_.log_std.data(), width},
                  to_w);
  if (*p_.composition != Composition::kMultiplied) {  // MCP's router puts out w itself
    SoftmaxGradient<T>(n, p_.own_primitives, {own_heads_.w.data(), p_.own_primitives}, to_w);
  }
  own_gradients_.Write(net, row, n, gradients);
}

// a'(s') of one primitive drawn by the router, or of all.
template <typename T>
void SacWorker<T>::TargetActions(int member, long row, long n) {
  const Net<T>& net = p_.target_policy ? *p_.target_policy : p_.policy;
  const T* const next = p_.rows.next_obs + p_.batch_row(member, row) * p_.obs_dim;
  net.Forward(member, {{{next, p_.obs_dim}, {}}}, n, &target_policy_rows_, 0);
  ReadHeads(target_policy_rows_, 0, n);
  const long noise = p_.noise_row(member, row);
  const T* const eps = p_.noise.next_eps + noise * p_.primitives * p_.action_dim;
  if (target_draws_.draws == p_.primitives) return target_draws_.DrawAll(heads_, eps, n);
  for (long i = 0; i < n; ++i) {
    index_[static_cast<size_t>(i)] = DrawIndex(heads_.w.data() + i * p_.primitives, p_.primitives,
                                               p_.noise.next_primitive[noise + i]);
  }
  target_draws_.DrawOne(heads_, eps, index_.data(), n);
}

// y = r + discount (min over critics of q - alpha log pi) (Eq. 16), over S draws by their weight;
// of critics with quantiles the mean of that distribution.
template <typename T>
void SacWorker<T>::TargetValues(int member, long row, long n) {
  TargetActions(member, row, n);
  const int draws = target_draws_.draws;
  LogProbs(target_draws_, n, log_prob_.data(), share_.data());
  const long batch = p_.batch_row(member, row);
  const T* const next = p_.rows.next_obs + batch * p_.obs_dim;
  for (int c = 0; c < p_.critics_per_member; ++c) {
    const int group = member * p_.critics_per_member + c;
    for (int s = 0; s < draws; ++s) {
      const NetInput<T> input = {
          {{next, p_.obs_dim}, {target_draws_.action_at(0, s), long{draws} * p_.action_dim}}};
      p_.targets.Forward(group, input, n, &target_critic_rows_, 0);
      if (quantiles_) quantiles_->Gather(c, s, target_critic_rows_.At(p_.q_node, 0), n);
      for (long i = 0; i < n; ++i) {
        Combine(c, *target_critic_rows_.At(p_.q_node, i), static_cast<size_t>(i * draws + s));
      }
    }
  }
  const T alpha = p_.alpha[static_cast<size_t>(member)];
  const T scale = static_cast<T>(p_.log_action_scale);
  for (long i = 0; i < n; ++i) {
    const T reward = p_.rows.reward[batch + i], discount = p_.rows.discount[batch + i];
    T value = 0, mean = 0;
    for (int s = 0; s < draws; ++s) {
      const size_t at = static_cast<size_t>(i * draws + s);
      const T w = draws > 1 ? heads_.w[at] : T{1};
      const T cost = alpha * (log_prob_[at] - scale);
      value += w * (q_[at] - cost);
      if (quantiles_) mean += quantiles_->Finish(i, s, {w, reward, discount, cost});
    }
    y_[static_cast<size_t>(i)] = quantiles_ ? mean : reward + discount * value;
  }
}

template <typename T>
void SacWorker<T>::CriticTile(int member, long row, long n) {
  TargetValues(member, row, n);
  const long batch = p_.batch_row(member, row);
  const NetInput<T> input = {{{p_.rows.obs + batch * p_.obs_dim, p_.obs_dim},
                              {p_.rows.action + batch * p_.action_dim, p_.action_dim}}};
  const T slope = T{2} / static_cast<T>(p_.options.batch_size);  // of the mean of squares
  for (int c = 0; c < p_.critics_per_member; ++c) {
    const size_t group = static_cast<size_t>(member * p_.critics_per_member + c);
    NetRows<T>& rows = p_.critic_rows[group];
    NetRows<T>& gradients = p_.critic_gradients[group];
    p_.critics.Forward(static_cast<int>(group), input, n, &rows, row);
    for (long i = 0; i < n; ++i) {
      T* const gradient = gradients.At(p_.q_node, row + i);
      T of_row = 0;
      if (quantiles_) {
        of_row = quantiles_->Loss(i, rows.At(p_.q_node, row + i), gradient);
      } else {
        const T error = *rows.At(p_.q_node, row + i) - y_[static_cast<size_t>(i)];
        *gradient = slope * error;
        of_row = error * error;
      }
      T& loss = p_.stats(member, row + i)[kCriticLoss];
      loss = (c == 0 ? T{0} : loss) + of_row;
    }
    if (p_.rows.weight != nullptr) WeighErrors(member, c, row, n);
    p_.critics.Backward(static_cast<int>(group), n, rows, {row, nullptr}, &gradients, row);
  }
}

// What a critic says of a row: its output, or the mean of its quantiles.
template <typename T>
T SacWorker<T>::Value(const NetRows<T>& rows, long row) const {
  const T* const outputs = rows.At(p_.q_node, row);
  const int count = p_.options.critic_outputs();
  if (count == 1) return *outputs;
  T sum = 0;
  for (int z = 0; z < count; ++z) sum += outputs[z];
  return sum / static_cast<T>(count);
}

// The smaller value of two critics, or the mean over critics with quantiles, in q_[at], critic by
// critic.
template <typename T>
void SacWorker<T>::Combine(int critic, T value, size_t at) {
  if (quantiles_) {
    const T share = value / static_cast<T>(p_.critics_per_member);
    q_[at] = critic == 0 ? share : q_[at] + share;
  } else if (critic == 0 || value < q_[at] || value != value) {  // NaN of either stays
    q_[at] = value;
    smaller_[at] = critic;
  }
}

// The loss of each row counts by its weight; the errors' mean over the critics is kept.
template <typename T>
void SacWorker<T>::WeighErrors(int member, int critic, long row, long n) {
  const size_t group = static_cast<size_t>(member * p_.critics_per_member + critic);
  const T* const weight = p_.rows.weight + p_.batch_row(member, row);
  T* const errors = p_.row_errors.data() + p_.noise_row(member, row);
  const T share = T{1} / static_cast<T>(p_.critics_per_member);
  const bool last = critic + 1 == p_.critics_per_member;
  for (long i = 0; i < n; ++i) {
    const T error = Value(p_.critic_rows[group], row + i) - y_[static_cast<size_t>(i)];
    errors[i] = (critic == 0 ? T{0} : errors[i]) + share * std::abs(error);
    T* const gradient = p_.critic_gradients[group].At(p_.q_node, row + i);
    for (int z = 0; z < p_.options.critic_outputs(); ++z) gradient[z] *= weight[i];
    if (last) p_.stats(member, row + i)[kCriticLoss] *= weight[i];
  }
}

// Each draw's under options.entropy. share: [n, S, K], of the mixture's.
template <typename T>
void SacWorker<T>::LogProbs(const Draws<T>& draws, long n, T* log_prob, T* share) {
  if (p_.options.entropy == EntropyOf::kComponent) {
    std::copy_n(draws.log_prob.data(), n * draws.draws, log_prob);
    return;
  }
  for (long i = 0; i < n; ++i) {
    for (int s = 0; s < draws.draws; ++s) {
      const long at = i * draws.draws + s;
      log_prob[at] = MixtureLogProb(heads_, draws, i, s, share + at * p_.primitives);
    }
  }
}

// q of `count` actions of each state, [n, count, A]. A state's part of the first layer is computed
// once for all.
template <typename T>
void SacWorker<T>::Rank(int member, long row, long n, const T* actions, int count) {
  const T* const obs = p_.rows.obs + p_.batch_row(member, row) * p_.obs_dim;
  for (int c = 0; c < p_.critics_per_member; ++c) {
    const int group = member * p_.critics_per_member + c;
    NetRows<T>& rows = p_.ranked_rows[static_cast<size_t>(group)];
    NetInput<T> input = {{{obs, p_.obs_dim}, {}}};
    p_.critics.FirstPart(group, input, n, first_part_.data());
    input.first_part = first_part_.data();
    for (int k = 0; k < count; ++k) {
      input.parts[1] = {actions + k * p_.action_dim, long{count} * p_.action_dim};
      const long at = p_.primitives * row + k * n;
      p_.critics.Forward(group, input, n, &rows, at);
      for (long i = 0; i < n; ++i) {
        Combine(c, Value(rows, at + i), static_cast<size_t>(i * count + k));
      }
    }
  }
}

template <typename T>
void SacWorker<T>::PolicyTile(int member, long row, long n) {
  const long noise = p_.noise_row(member, row);
  const T* const obs = p_.rows.obs + p_.batch_row(member, row) * p_.obs_dim;
  NetRows<T>& rows = p_.policy_rows[static_cast<size_t>(member)];
  NetRows<T>& gradients = p_.policy_gradients[static_cast<size_t>(member)];
  p_.policy.Forward(member, {{{obs, p_.obs_dim}, {}}}, n, &rows, row);
  ReadHeads(rows, row, n);
  draws_.DrawAll(heads_, p_.noise.eps + noise * p_.primitives * p_.action_dim, n);
  LogProbs(draws_, n, log_prob_.data(), share_.data());
  Rank(member, row, n, draws_.action.data(), p_.primitives);
  PolicyTermsInput<T> in = {&heads_, q_.data(), log_prob_.data()};
  if (p_.noise.primitive != nullptr) in.uniform = p_.noise.primitive + noise;
  in.alpha = p_.alpha[static_cast<size_t>(member)];
  in.rows = n;
  in.batch = p_.options.batch_size;
  terms_.Evaluate(p_.options, in);
  head_gradients_.Clear(n);
  std::copy_n(terms_.dlogit.data(), n * p_.primitives, head_gradients_.logit.data());
  if (gumbel_) {
    GumbelTerms(member, row, n);
  } else {
    BackThroughCritics(member, row, n, terms_.dq.data(), p_.primitives);
  }
  WriteHeads(rows, row, n, &gradients);
  p_.policy.Backward(member, n, rows, {row, nullptr}, &gradients, row);
  for (long i = 0; i < n; ++i) {
    row_stats_.Write(p_.composition ? own_heads_ : heads_, draws_, terms_, i,
                     p_.stats(member, row + i));
  }
}

// L = alpha log pi - q of the one action that a Gumbel-softmax makes of K.
template <typename T>
void SacWorker<T>::GumbelTerms(int member, long row, long n) {
  const long noise = p_.noise_row(member, row) * p_.primitives;
  gumbel_->Combine(
      heads_, draws_,
      {p_.noise.gumbel + noise, static_cast<T>(p_.noise.gumbel_tau), p_.options.gumbel_hard}, n,
      terms_.held_log_prob.data());
  Rank(member, row, n, gumbel_->action.data(), 1);
  const T alpha = p_.alpha[static_cast<size_t>(member)];
  for (size_t i = 0; i < static_cast<size_t>(n); ++i) {
    terms_.held_q[i] = q_[i];
    terms_.primitive_loss[i] = alpha * terms_.held_log_prob[i] - q_[i];
    terms_.dq[i] = T{-1} / static_cast<T>(p_.options.batch_size);
  }
  BackThroughCritics(member, row, n, terms_.dq.data(), 1);
}

// Only the smaller of two critics passes a gradient on: each takes the rows where it is that one.
// Of critics with quantiles all do, through each quantile alike. dq: [n, primitives] of the actions
// that Rank saw last.
template <typename T>
void SacWorker<T>::BackThroughCritics(int member, long row, long n, const T* dqs, int primitives) {
  const int outputs = p_.options.critic_outputs();
  const T share = quantiles_ ? T{1} / static_cast<T>(outputs * p_.critics_per_member) : T{1};
  for (int c = 0; c < p_.critics_per_member; ++c) {
    const size_t group = static_cast<size_t>(member * p_.critics_per_member + c);
    NetRows<T>& gradients = p_.ranked_gradients[group];
    const long first = p_.live_per_row * row;
    long count = 0;
    for (int k = 0; k < primitives; ++k) {
      for (long i = 0; i < n; ++i) {
        const long at = i * primitives + k;
        const T dq = dqs[at];
        if (dq == T{0} || (!quantiles_ && smaller_[static_cast<size_t>(at)] != c)) continue;
        tile_row_[static_cast<size_t>(count)] = static_cast<int>(at);
        ranked_row_[static_cast<size_t>(count)] = static_cast<int>(p_.primitives * row + k * n + i);
        std::fill_n(gradients.At(p_.q_node, first + count), outputs, dq * share);
        ++count;
      }
    }
    p_.critics.Backward(static_cast<int>(group), count, p_.ranked_rows[group],
                        {0, ranked_row_.data()}, &gradients, first, {d_critic_.data()});
    const bool more = quantiles_ && c > 0;  // of the same rows as the critic before
    for (size_t j = 0; j < static_cast<size_t>(count * p_.action_dim); ++j) {
      d_action_[j] = more ? d_action_[j] + d_critic_[j] : d_critic_[j];
    }
    if (!quantiles_ || c + 1 == p_.critics_per_member) AddToHeads(member, count);
  }
}

// The `count` gradients of actions that the critics have just given.
template <typename T>
void SacWorker<T>::AddToHeads(int member, long count) {
  const T alpha = p_.alpha[static_cast<size_t>(member)];
  for (long r = 0; r < count; ++r) {
    const long at = tile_row_[static_cast<size_t>(r)], i = at / p_.primitives;
    const int k = static_cast<int>(at % p_.primitives);
    const T* const da = d_action_.data() + r * p_.action_dim;
    if (gumbel_) {  // `at` is the row: it has one action
      gumbel_->AddGradient(draws_, static_cast<T>(p_.noise.gumbel_tau), at, da,
                           alpha / static_cast<T>(p_.options.batch_size), &head_gradients_);
      continue;
    }
    const T dlog_prob = terms_.dlog_prob[static_cast<size_t>(at)];
    if (p_.options.entropy == EntropyOf::kComponent) {
      head_gradients_.AddDraw(draws_, i, k, k, da, dlog_prob);
    } else {
      head_gradients_.AddMixtureDraw(heads_, draws_, i, k, k, da, dlog_prob,
                                     share_.data() + at * p_.primitives);
    }
  }
}

template class SacWorker<float>;
template class SacWorker<double>;

}  // namespace pmoe
