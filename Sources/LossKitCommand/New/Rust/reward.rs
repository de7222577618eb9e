mod losskit;

/// Write here what it is and where it is from: paper, equation.
fn my_reward(log_ratio: f64, tau: f64) -> (f64, f64) {
    let bent = log_ratio / tau;
    (tau * (losskit::log_sigmoid(bent) + 2f64.ln()), losskit::sigmoid(-bent))
}
losskit::log_ratio_reward!(my_reward, "my-reward", "Log-ratio, bounded above.", tau: positive(1.0, "bend, in nats"));
