// Cal-DPO from C++.
//
//   c++ -std=c++17 cal_dpo.cpp $(pkg-config --cflags --libs losskit) -o cal_dpo && ./cal_dpo
#include "losskit.hpp"

#include <cstdio>

int main() try {
  losskit::Objective objective(losskit::Registry{}, "cal-dpo(beta=0.1)");
  std::printf("objective %s\n", objective.text().c_str());
  const std::vector<double> policy{-10, -12.5, -8.25, -11, -12, -16.5}, reference{-11, -12, -9, -10.5, -12.25, -14};
  const losskit::Evaluation evaluation = objective(policy, reference);
  std::printf("loss %.17g\n", evaluation.loss);
  for (std::size_t i = 0; i < 3; i++)
    std::printf("gradient %.17g %.17g\n", evaluation.gradient[i], evaluation.gradient[i + 3]);

  try {
    objective(policy, {});
  } catch (const losskit::Error &error) {
    std::printf("refused %s\n", error.what());
  }
} catch (const std::exception &error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
