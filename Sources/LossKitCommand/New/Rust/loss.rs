mod losskit;

/// Write here what it is and where it is from: paper, equation.
fn my_loss(chosen: f64, rejected: f64, beta: f64) -> (f64, [f64; 2]) {
    let margin = beta * (chosen - rejected);
    let slope = beta * losskit::sigmoid(-margin);
    (-losskit::log_sigmoid(margin), [-slope, slope])
}
losskit::pairwise_loss!(my_loss, "my-loss", "Logistic loss of the margin.", beta: scale(0.1, "KL strength"));
