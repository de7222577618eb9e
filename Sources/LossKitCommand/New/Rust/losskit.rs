//! The part of LossKit's plugin ABI, version 1, that a loss or a reward of one function needs, and two macros that make
//! such a function a plugin. The whole ABI, with its rules, is in LossKit's `losskit_plugin.h`.
#![allow(dead_code, unused_imports, unused_macros)]

use std::ffi::{c_char, c_void, CString};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr::{null, null_mut};

/// `1 / (1 + exp(-x))`, without overflow.
pub fn sigmoid(x: f64) -> f64 {
    let small = (-x.abs()).exp();
    (if x < 0.0 { small } else { 1.0 }) / (1.0 + small)
}

/// The logarithm of `sigmoid`, without overflow or cancellation.
pub fn log_sigmoid(x: f64) -> f64 {
    x.min(0.0) - (-x.abs()).exp().ln_1p()
}

/// `losskit::pairwise_loss!(function, "name", "Summary.", beta: scale(0.1, "KL strength"), …);`, once per library.
/// The function takes the unscaled chosen and rejected rewards, then the hyperparameters; it returns the loss and its
/// derivatives with respect to both rewards.
macro_rules! pairwise_loss {
    ($function:ident, $name:literal, $summary:literal $(, $parameter:ident: $make:ident($($argument:expr),*))* $(,)?) => {
        $crate::losskit::export!($crate::losskit::LOSS, $name, $summary, |x: [f64; 2], p: &[f64]| match *p {
            [$($parameter),*] => $function(x[0], x[1] $(, $parameter)*),
            _ => (f64::NAN, [f64::NAN; 2]),
        } $(, $parameter: $make($($argument),*))*);
    };
}
pub(crate) use pairwise_loss;

/// The same for a reward: a function of the log-ratio log π − log π_ref, 0 where that is 0, and its derivative.
macro_rules! log_ratio_reward {
    ($function:ident, $name:literal, $summary:literal $(, $parameter:ident: $make:ident($($argument:expr),*))* $(,)?) => {
        $crate::losskit::export!($crate::losskit::REWARD, $name, $summary, |x: [f64; 2], p: &[f64]| match *p {
            [$($parameter),*] => {
                let (value, slope) = $function(x[0] - x[1] $(, $parameter)*);
                (value, [slope, -slope])
            }
            _ => (f64::NAN, [f64::NAN; 2]),
        } $(, $parameter: $make($($argument),*))*);
    };
}
pub(crate) use log_ratio_reward;

macro_rules! export {
    ($kind:expr, $name:literal, $summary:literal, $row:expr $(, $parameter:ident: $make:ident($($argument:expr),*))*) => {
        extern "C" fn compute(
            component: *const $crate::losskit::Component, frame: *const $crate::losskit::Frame,
            error: *mut $crate::losskit::Error,
        ) -> i32 {
            unsafe { $crate::losskit::compute(&*component, &*frame, error, $row) }
        }

        #[no_mangle]
        pub extern "C" fn losskit_plugin_entry_v1(
            _host: *const std::ffi::c_void, _error: *mut $crate::losskit::Error,
        ) -> *const $crate::losskit::Plugin {
            $crate::losskit::plugin($kind, $name, $summary, compute, vec![
                $($crate::losskit::Parameter::$make(stringify!($parameter), $($argument),*)),*
            ])
        }
    };
}
pub(crate) use export;

/// The kind of a component, as numbered by the ABI.
pub const LOSS: u32 = 1;
pub const REWARD: u32 = 2;

const ROWWISE: u32 = 1;
const ZERO_AT_REFERENCE: u32 = 4;

const LOWER_OPEN: u32 = 1;
const REWARD_SCALE: u32 = 4;

const PER_RESPONSE: u32 = 1;
const DIFFERENTIABLE: u32 = 2;
const PER_REFERENCE: u32 = 4;

#[repr(C)]
pub struct Error {
    prompt: i64,
    message: [u8; 504],
}

#[repr(C)]
pub struct Parameter {
    name: *const c_char,
    symbol: *const c_char,
    summary: *const c_char,
    kind: u32,
    flags: u32,
    initial: f64,
    lower: f64,
    upper: f64,
    choices: *const *const c_char,
}

#[repr(C)]
struct Column {
    name: *const c_char,
    summary: *const c_char,
    extent: u32,
    flags: u32,
}

#[repr(C)]
pub struct Frame {
    prompts: usize,
    responses: usize,
    references: usize,
    counts: *const u32,
    token_offsets: *const usize,
    parameters: *const f64,
    state: *mut f64,
    seed: u64,
    inputs: *const *const f64,
    output: *mut f64,
    cotangent: *const f64,
    gradients: *const *mut f64,
}

type Compute = extern "C" fn(*const Component, *const Frame, *mut Error) -> i32;

#[repr(C)]
pub struct Component {
    kind: u32,
    flags: u32,
    min_responses: u32,
    max_responses: u32,
    min_references: u32,
    max_references: u32,
    name: *const c_char,
    version: *const c_char,
    summary: *const c_char,
    citation: *const c_char,
    documentation: *const c_char,
    default_reward: *const c_char,
    parameter_count: usize,
    input_count: usize,
    state_count: usize,
    parameters: *const *const Parameter,
    inputs: *const *const Column,
    state: *const *const c_void,
    context: *const c_void,
    compute: Compute,
    extension: *const c_void,
}

#[repr(C)]
pub struct Plugin {
    component_count: usize,
    policy_count: usize,
    objective_count: usize,
    components: *const *const Component,
    policies: *const *const c_void,
    objectives: *const *const c_void,
    extension: *const c_void,
}

impl Parameter {
    /// Greater than 0, the factor of rewards in metrics; at most one.
    pub fn scale(name: &str, initial: f64, summary: &str) -> Parameter {
        Parameter { flags: LOWER_OPEN | REWARD_SCALE, ..Parameter::between(name, initial, 0.0, f64::INFINITY, summary) }
    }

    /// Greater than 0.
    pub fn positive(name: &str, initial: f64, summary: &str) -> Parameter {
        Parameter { flags: LOWER_OPEN, ..Parameter::between(name, initial, 0.0, f64::INFINITY, summary) }
    }

    /// From `lower` to `upper`, inclusive; infinite if unbounded.
    pub fn between(name: &str, initial: f64, lower: f64, upper: f64, summary: &str) -> Parameter {
        let (name, summary) = (text(name), text(summary));
        Parameter { name, symbol: null(), summary, kind: 0, flags: 0, initial, lower, upper, choices: null() }
    }
}

/// A zero-terminated copy with the lifetime of the process, like all descriptors.
fn text(text: &str) -> *const c_char {
    CString::new(text.replace('\0', " ")).unwrap_or_default().into_raw()
}

/// Pointers to values with the lifetime of the process.
fn list<T>(values: Vec<T>) -> *const *const T {
    let pointers: Vec<*const T> = values.into_iter().map(|value| Box::into_raw(Box::new(value)) as *const T).collect();
    pointers.leak().as_ptr()
}

/// The descriptor of a library with one component.
pub fn plugin(kind: u32, name: &str, summary: &str, compute: Compute, parameters: Vec<Parameter>) -> *const Plugin {
    // A panic is an error that the host reports; the library prints nothing.
    std::panic::set_hook(Box::new(|_| {}));
    let column = |name, summary, flags| Column { name: text(name), summary: text(summary), extent: PER_RESPONSE, flags };
    let is_loss = kind == LOSS;
    let inputs = if is_loss {
        vec![column("reward", "implicit reward", DIFFERENTIABLE)]
    } else {
        vec![
            column("policy_logp", "log-probability under the policy", DIFFERENTIABLE),
            column("reference_logp", "log-probability under the reference", PER_REFERENCE),
        ]
    };
    let component = Component {
        kind,
        flags: if is_loss { ROWWISE } else { ROWWISE | ZERO_AT_REFERENCE },
        min_responses: if is_loss { 2 } else { 1 },
        max_responses: if is_loss { 2 } else { u32::MAX },
        min_references: !is_loss as u32,
        max_references: !is_loss as u32,
        name: text(name),
        version: text(option_env!("CARGO_PKG_VERSION").unwrap_or("1")),
        summary: text(summary),
        citation: null(),
        documentation: null(),
        default_reward: if is_loss { text("log-ratio") } else { null() },
        parameter_count: parameters.len(),
        input_count: inputs.len(),
        state_count: 0,
        parameters: list(parameters),
        inputs: list(inputs),
        state: null(),
        context: null(),
        compute,
        extension: null(),
    };
    Box::into_raw(Box::new(Plugin {
        component_count: 1,
        policy_count: 0,
        objective_count: 0,
        components: list(vec![component]),
        policies: null(),
        objectives: null(),
        extension: null(),
    }))
}

/// Evaluates a batch with a function of a prompt's two rewards, or of a response's two log-probabilities. A panic is an
/// error, because it must not reach the host.
///
/// # Safety
/// `frame` is valid, from the host, for this component.
pub unsafe fn compute(
    component: &Component, frame: &Frame, error: *mut Error, row: fn([f64; 2], &[f64]) -> (f64, [f64; 2]),
) -> i32 {
    let (problem, prompt) = match catch_unwind(AssertUnwindSafe(|| rows(component, frame, row))) {
        Ok(Ok(())) => return 0,
        Ok(Err(prompt)) => ("its value or derivative is not a number".to_string(), prompt as i64),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(|text| text.as_str()));
            (format!("it panicked: {}", text.unwrap_or("no reason given")), -1)
        }
    };
    if let Some(error) = error.as_mut() {
        let length = problem.len().min(error.message.len() - 1);
        error.prompt = prompt;
        error.message[..length].copy_from_slice(&problem.as_bytes()[..length]);
        error.message[length] = 0;
    }
    1
}

/// Writes outputs and gradients, or returns the prompt whose result is not a number.
unsafe fn rows(
    component: &Component, frame: &Frame, row: fn([f64; 2], &[f64]) -> (f64, [f64; 2]),
) -> Result<(), usize> {
    let is_loss = component.kind == LOSS;
    let prompts = frame.prompts;
    let count = if is_loss { prompts } else { prompts * frame.responses };
    if count == 0 {
        return Ok(());
    }
    let parameters: &[f64] = match component.parameter_count {
        0 => &[],
        count => std::slice::from_raw_parts(frame.parameters, count),
    };
    let first = *frame.inputs;
    let second = if is_loss { first.add(prompts) } else { *frame.inputs.add(1) };
    let gradient = if frame.cotangent.is_null() { null_mut() } else { *frame.gradients };
    for index in 0..count {
        let (prompt, last_rank) = (index % prompts, if is_loss { 1 } else { index / prompts });
        let is_there = frame.counts.is_null() || *frame.counts.add(prompt) as usize > last_rank;
        let (value, slopes) = match is_there {
            true => row([*first.add(index), *second.add(index)], parameters),
            false => (0.0, [0.0; 2]),
        };
        if value.is_nan() {
            return Err(prompt);
        }
        *frame.output.add(index) = value;
        if gradient.is_null() {
            continue;
        }
        let weight = *frame.cotangent.add(index);
        // A zero cotangent gives 0, even for an infinite slope.
        let slopes = if weight == 0.0 { [0.0; 2] } else { [weight * slopes[0], weight * slopes[1]] };
        if slopes[0].is_nan() || slopes[1].is_nan() {
            return Err(prompt);
        }
        *gradient.add(index) = slopes[0];
        if is_loss {
            *gradient.add(prompts + index) = slopes[1];
        }
    }
    Ok(())
}

const _: () = {
    assert!(std::mem::size_of::<Error>() == 512);
    assert!(std::mem::size_of::<Parameter>() == 64);
    assert!(std::mem::size_of::<Frame>() == 96);
    assert!(std::mem::size_of::<Component>() == 144);
    assert!(std::mem::size_of::<Plugin>() == 56);
};
