! A loss in Fortran: max(0, 1 - beta * margin), with arguments by reference. LossKit computes its gradient.
real(c_double) function hinge_loss(chosen_reward, rejected_reward, beta) bind(c)
  use, intrinsic :: iso_c_binding, only: c_double
  implicit none
  real(c_double), intent(in) :: chosen_reward, rejected_reward, beta

  hinge_loss = max(0.0_c_double, 1.0_c_double - beta * (chosen_reward - rejected_reward))
end function hinge_loss
