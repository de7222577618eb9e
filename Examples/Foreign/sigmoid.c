/* A loss in a library without LossKit: -log sigmoid(beta * margin), and its derivatives. */
#include <math.h>

double sigmoid_loss(double chosen_reward, double rejected_reward, double beta) {
  const double z = beta * (chosen_reward - rejected_reward);
  return log1p(exp(-fabs(z))) + fmax(-z, 0);
}

void sigmoid_loss_gradient(
    double chosen_reward, double rejected_reward, double beta, double *d_chosen_reward, double *d_rejected_reward) {
  *d_chosen_reward = -beta / (1 + exp(beta * (chosen_reward - rejected_reward)));
  *d_rejected_reward = -*d_chosen_reward;
}
