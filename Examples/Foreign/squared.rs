//! A loss in Rust that is called once per batch: (margin - 1 / (2 beta))^2, as in IPO.
#![crate_type = "cdylib"]

/// # Safety
/// All pointers refer to `n` numbers.
#[no_mangle]
pub unsafe extern "C" fn squared_loss(n: usize, chosen: *const f64, rejected: *const f64, beta: f64, loss: *mut f64) {
    for i in 0..n {
        let distance = *chosen.add(i) - *rejected.add(i) - 0.5 / beta;
        *loss.add(i) = distance * distance;
    }
}

/// # Safety
/// All pointers refer to `n` numbers.
#[no_mangle]
pub unsafe extern "C" fn squared_loss_gradient(
    n: usize,
    chosen: *const f64,
    rejected: *const f64,
    beta: f64,
    d_chosen: *mut f64,
    d_rejected: *mut f64,
) {
    for i in 0..n {
        let slope = 2.0 * (*chosen.add(i) - *rejected.add(i) - 0.5 / beta);
        *d_chosen.add(i) = slope;
        *d_rejected.add(i) = -slope;
    }
}
