// A C++17 wrapper of the functions that cal_dpo.cpp needs, with RAII handles and exceptions.
#pragma once
#include <losskit.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace losskit {

class Error : public std::runtime_error {
 public:
  explicit Error(const losskit_failure &failure) : std::runtime_error(failure.message), prompt(failure.prompt) {}
  std::int64_t prompt;  // -1: none
};

// Calls a function of losskit.h and throws its error.
template <typename Function, typename... Arguments>
void call(Function function, Arguments... arguments) {
  losskit_failure failure;
  if (function(arguments..., &failure) != 0) throw Error(failure);
}

namespace detail {
struct Closer {
  void operator()(losskit_registry_ref registry) const noexcept { losskit_registry_close(registry, nullptr); }
  void operator()(losskit_objective_ref objective) const noexcept { losskit_objective_close(objective, nullptr); }
  void operator()(char *text) const noexcept { losskit_text_free(text); }
};
template <typename Handle>
using Owned = std::unique_ptr<std::remove_pointer_t<Handle>, Closer>;
}  // namespace detail

class Registry {
 public:
  // The plugins of the installation and of LOSSKIT_PLUGIN_PATH.
  Registry() {
    losskit_registry_options options{};
    options.flags = LOSSKIT_DEFAULT_PATH;
    losskit_registry_ref handle = nullptr;
    call(losskit_registry_open, &options, &handle);
    handle_.reset(handle);
  }
  losskit_registry_ref get() const noexcept { return handle_.get(); }

 private:
  detail::Owned<losskit_registry_ref> handle_;
};

struct Evaluation {
  double loss;
  std::vector<double> gradient;  // of the mean loss, with respect to policy_logp
};

class Objective {
 public:
  Objective(const Registry &registry, const std::string &text) {
    losskit_objective_ref handle = nullptr;
    call(losskit_objective_open, registry.get(), text.c_str(), static_cast<const char *const *>(nullptr), std::size_t{0},
         static_cast<const char *>(nullptr), &handle);
    handle_.reset(handle);
  }

  std::string text() const {
    char *text = nullptr;
    call(losskit_objective_text, handle_.get(), &text);
    return std::string(detail::Owned<char *>(text).get());
  }

  // Evaluates pairs: the chosen log-probabilities, followed by the rejected ones. Safe from any number of threads.
  Evaluation operator()(const std::vector<double> &policy, const std::vector<double> &reference) const {
    Evaluation made{0, std::vector<double>(policy.size())};
    losskit_column_binding columns[2]{};
    columns[0].name = "policy_logp";
    columns[0].values = array(const_cast<double *>(policy.data()), policy.size());
    columns[0].gradient = array(made.gradient.data(), made.gradient.size());
    columns[1].name = "reference_logp";
    columns[1].values = array(const_cast<double *>(reference.data()), reference.size());
    for (auto &column : columns) column.part = LOSSKIT_WHOLE;
    losskit_batch batch{};
    batch.prompts = policy.size() / 2;
    batch.responses = 2;
    batch.references = 1;
    batch.columns = columns;
    batch.column_count = 2;
    losskit_results results{};
    call(losskit_objective_evaluate, handle_.get(), static_cast<const losskit_batch *>(&batch),
         static_cast<double *>(nullptr), std::size_t{0}, std::uint64_t{0}, &results);
    made.loss = results.mean_loss;
    return made;
  }

 private:
  static losskit_array array(double *values, std::size_t count) {
    return {values, sizeof(double), count, LOSSKIT_FLOAT64, 0};
  }
  detail::Owned<losskit_objective_ref> handle_;
};

}  // namespace losskit
