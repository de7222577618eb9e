// Cal-DPO from Rust, without a crate.
//
//   rustc --edition 2021 -O cal_dpo.rs -L PREFIX/lib -C link-arg=-Wl,-rpath,PREFIX/lib && ./cal_dpo

/// The part of losskit.h used here.
mod ffi {
    use std::os::raw::{c_char, c_void};

    #[repr(C)]
    pub struct Failure {
        pub prompt: i64,
        pub message: [c_char; 2040],
    }
    #[repr(C)]
    pub struct RegistryOptions {
        pub directories: *const *const c_char,
        pub directory_count: usize,
        pub allowed_digests: *const *const c_char,
        pub allowed_digest_count: usize,
        pub flags: u32,
        pub reserved: u32,
    }
    #[repr(C)]
    pub struct Array {
        pub data: *mut c_void,
        pub stride: isize,
        pub count: usize,
        pub kind: u32,
        pub reserved: u32,
    }
    #[repr(C)]
    pub struct ColumnBinding {
        pub name: *const c_char,
        pub column: u32,
        pub part: i32,
        pub values: Array,
        pub gradient: Array,
    }
    #[repr(C)]
    pub struct Batch {
        pub prompts: usize,
        pub responses: usize,
        pub references: usize,
        pub counts: *const u32,
        pub token_offsets: *const usize,
        pub columns: *const ColumnBinding,
        pub column_count: usize,
    }
    #[repr(C)]
    pub struct Results {
        pub loss: Array,
        pub rewards: Array,
        pub reduction: u32,
        pub reserved: u32,
        pub mean_loss: f64,
        pub metrics: *mut c_void,
        pub metric_capacity: usize,
        pub metric_count: usize,
    }
    pub const DEFAULT_PATH: u32 = 1;
    pub const WHOLE: i32 = -1;

    #[link(name = "losskit")]
    extern "C" {
        pub fn losskit_registry_open(o: *const RegistryOptions, r: *mut *mut c_void, f: *mut Failure) -> i32;
        pub fn losskit_registry_close(r: *mut c_void, f: *mut Failure) -> i32;
        pub fn losskit_objective_open(
            r: *mut c_void, text: *const c_char, settings: *const *const c_char, count: usize,
            reward: *const c_char, o: *mut *mut c_void, f: *mut Failure,
        ) -> i32;
        pub fn losskit_objective_evaluate(
            o: *mut c_void, batch: *const Batch, state: *mut f64, count: usize, seed: u64,
            results: *mut Results, f: *mut Failure,
        ) -> i32;
        pub fn losskit_objective_close(o: *mut c_void, f: *mut Failure) -> i32;
    }
}

use std::ffi::{CStr, CString};
use std::os::raw::c_void;
use std::ptr::{null, null_mut};

/// Calls a function that may fail.
fn call(function: impl FnOnce(&mut ffi::Failure) -> i32) -> Result<(), String> {
    let mut failure = ffi::Failure { prompt: -1, message: [0; 2040] };
    match function(&mut failure) {
        0 => Ok(()),
        // The library always terminates its message with a zero.
        _ => Err(unsafe { CStr::from_ptr(failure.message.as_ptr()) }.to_string_lossy().into_owned()),
    }
}

/// An objective, closed when it goes out of scope. It can be used from any number of threads.
struct Objective(*mut c_void);
unsafe impl Send for Objective {}
unsafe impl Sync for Objective {}

impl Objective {
    fn new(text: &str) -> Result<Objective, String> {
        let text = CString::new(text).map_err(|error| error.to_string())?;
        let options = ffi::RegistryOptions {
            directories: null(), directory_count: 0, allowed_digests: null(), allowed_digest_count: 0,
            flags: ffi::DEFAULT_PATH, reserved: 0,
        };
        let (mut registry, mut objective) = (null_mut(), null_mut());
        call(|failure| unsafe { ffi::losskit_registry_open(&options, &mut registry, failure) })?;
        let opened = call(|failure| unsafe {
            ffi::losskit_objective_open(registry, text.as_ptr(), null(), 0, null(), &mut objective, failure)
        });
        unsafe { ffi::losskit_registry_close(registry, null_mut()) };
        opened.map(|_| Objective(objective))
    }

    /// The mean loss of pairs, chosen first, and its gradient with respect to the policy's log-probabilities.
    fn evaluate(&self, policy: &[f64], reference: &[f64]) -> Result<(f64, Vec<f64>), String> {
        let mut gradient = vec![0.0; policy.len()];
        let array = |data: *const f64, count| ffi::Array { data: data as *mut c_void, stride: 8, count, kind: 0, reserved: 0 };
        let columns = [
            ffi::ColumnBinding {
                name: c"policy_logp".as_ptr(), column: 0, part: ffi::WHOLE,
                values: array(policy.as_ptr(), policy.len()), gradient: array(gradient.as_mut_ptr(), policy.len()),
            },
            ffi::ColumnBinding {
                name: c"reference_logp".as_ptr(), column: 0, part: ffi::WHOLE,
                values: array(reference.as_ptr(), reference.len()), gradient: array(null(), 0),
            },
        ];
        let batch = ffi::Batch {
            prompts: policy.len() / 2, responses: 2, references: 1, counts: null(), token_offsets: null(),
            columns: columns.as_ptr(), column_count: columns.len(),
        };
        let mut results = ffi::Results {
            loss: array(null(), 0), rewards: array(null(), 0), reduction: 0, reserved: 0, mean_loss: 0.0,
            metrics: null_mut(), metric_capacity: 0, metric_count: 0,
        };
        call(|failure| unsafe {
            ffi::losskit_objective_evaluate(self.0, &batch, null_mut(), 0, 0, &mut results, failure)
        })?;
        Ok((results.mean_loss, gradient))
    }
}

impl Drop for Objective {
    fn drop(&mut self) {
        unsafe { ffi::losskit_objective_close(self.0, null_mut()) };
    }
}

fn main() -> Result<(), String> {
    let objective = Objective::new("cal-dpo(beta=0.1)")?;
    let policy = [-10.0, -12.5, -8.25, -11.0, -12.0, -16.5];
    let reference = [-11.0, -12.0, -9.0, -10.5, -12.25, -14.0];
    let (loss, gradient) = objective.evaluate(&policy, &reference)?;
    println!("loss {loss}");
    for pair in 0..3 {
        println!("gradient {} {}", gradient[pair], gradient[pair + 3]);
    }
    if let Err(message) = objective.evaluate(&policy, &[]) {
        println!("refused {message}");
    }
    Ok(())
}
