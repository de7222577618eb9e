import CLossKitForeign
public import LossKit

/// A bound objective as an ordinary C function, for optimizers and plotters that take `double (*)(double, double)` and nothing
/// else: an ffi closure, which lives as long as this object.
///
/// The prototype says what the function gets, by name: rewards (`chosen_reward`, `rejected_reward`; the objective's
/// parameterization is then left out), or the columns of the objective (`chosen_policy_logp`, …); of objectives of single responses
/// `reward`, `policy_logp`, `label`, and so on. It returns the loss, or writes it to an argument `double *loss`; derivatives go to
/// arguments `double *d_chosen_reward`, …, which a caller may pass as NULL. With `size_t n` all are arrays of that length.
///
///     double (*)(double chosen_reward, double rejected_reward)
///     void (*)(size_t n, const double *chosen_reward, const double *rejected_reward, double *loss)
///
/// The function may be called from any thread, any number at once. State is that before the first step, the seed 0. Where a value
/// does not exist it gives NaN, also for the derivatives, and `takeFailure()` says why.
public final class ObjectiveFunction: Sendable {
  /// The function, to be cast to the type of the prototype; not to be called after this object has gone.
  public var pointer: UnsafeRawPointer { closure.address }
  /// The prototype, as it was asked for.
  public let prototype: String

  private let body: ObjectiveFunctionBody
  private let closure: Closure

  /// Makes the function. Throws for a prototype that does not parse (with the column), an argument that the objective does not
  /// read, a column that it reads and no argument gives, and where the system has no memory that can be executed.
  public init(_ objective: Objective, prototype text: String) throws {
    let prototype = try PrototypeParser.parse(text, subject: "prototype")
    self.prototype = text
    body = try ObjectiveFunctionBody(ObjectiveArguments(objective, prototype))
    closure = try Closure(prototype, body)
  }

  /// Why the last call that failed did so, once; nil where none has failed since this was last asked for.
  public func takeFailure() -> Failure? { body.takeFailure() }
}

/// The memory that is executed. Sendable, although it holds pointers: nothing of it changes between `init` and `deinit`.
private final class Closure: @unchecked Sendable {
  let address: UnsafeRawPointer
  private let closure: OpaquePointer

  init(_ prototype: Prototype, _ body: ObjectiveFunctionBody) throws {
    let types = prototype.arguments.map { $0.passing == .value ? $0.code : UInt32(LOSSKIT_C_POINTER) }
    var isOutOfMemory: Int32 = 0
    let made = losskit_closure_create(
      prototype.result?.code ?? UInt32(LOSSKIT_C_VOID), types, types.count, callBody,
      Unmanaged.passUnretained(body).toOpaque(), &isOutOfMemory)
    guard let made, let address = losskit_closure_address(made) else {
      losskit_closure_destroy(made)
      throw Failure(
        isOutOfMemory == 0
          ? "prototype: libffi cannot make such a function on this machine"
          : "prototype: the system gives no memory that can be executed, which a function made at run time needs; allow it "
            + "(of SELinux: execmem), or evaluate the objective itself")
    }
    (closure, self.address) = (made, address)
  }

  deinit { losskit_closure_destroy(closure) }
}

private func callBody(
  _ context: UnsafeMutableRawPointer?, _ result: UnsafeMutableRawPointer?,
  _ arguments: UnsafePointer<UnsafeMutableRawPointer?>?
) {
  guard let context, let arguments else { return }
  Unmanaged<ObjectiveFunctionBody>.fromOpaque(context).takeUnretainedValue().call(result, arguments)
}
