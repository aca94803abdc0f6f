#include "learner/ppo/trained_net.h"

#include "learner/kernels/ppo_rows.h"

namespace pmoe {

template <typename T>
TrainedNet<T>::TrainedNet(const NetPlan& plan, const NetOptions& options, long rows,
                          FlatParameters* parameters, Optimizer* optimizer)
    : net_(plan, parameters->layout(), parameters->values().data_ptr<T>(), options),
      activations_(plan, rows),
      gradients_(plan, rows),
      scratch_(static_cast<size_t>(kPanelColumns * rows)),
      optimizer_(optimizer),
      arrays_{.values = parameters->values().data_ptr<T>(),
              .gradient = parameters->gradient().data_ptr<T>(),
              .first = optimizer->first().data_ptr<T>(),
              .second = optimizer->second().data_ptr<T>()},
      size_(static_cast<long>(parameters->layout().total())) {
  Pack();
}

template <typename T>
void TrainedNet<T>::Backward(const NetInput<T>& input, long rows,
                             const NetInputGradient<T>& to_input) {
  net_.Backward(/*group=*/0, rows, activations_, {}, &gradients_, 0, to_input);
  for (long task = 0; task < net_.tasks(); ++task) {
    net_.WeightGradient(/*group=*/0, task, input, rows, activations_, gradients_, scratch_.data(),
                        arrays_.gradient);
  }
}

template <typename T>
double TrainedNet<T>::SquaredNorm() const {
  const double norm = pmoe::SquaredNorm(size_, arrays_.gradient);
  const TiedHeads* const tied = optimizer_->tied();
  if (tied == nullptr) return norm;
  const double whole = norm + tied->NormExcess(arrays_.gradient);
  return whole < 0.0 ? 0.0 : whole;  // by rounding; NaN stays
}

template <typename T>
void TrainedNet<T>::Step(const StepScale& scale) {
  optimizer_->StepOnHost(AdamFactors<T>::From(optimizer_->NextAdam(scale)), arrays_);
  Pack();
}

template class TrainedNet<float>;
template class TrainedNet<double>;

}  // namespace pmoe
