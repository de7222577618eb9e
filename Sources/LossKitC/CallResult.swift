import CLossKit
import LossKit
import LossKitSystem

/// Runs the body of a C function. Returns 0, or 1 after filling the caller's failure.
func result(_ failure: UnsafeMutablePointer<losskit_failure>?, _ body: () throws -> Void) -> Int32 {
  do {
    try body()
    return 0
  } catch let error {
    guard let failure else { return 1 }
    let problem = error as? Failure ?? Failure("\(error)")
    failure.pointee.prompt = Int64(problem.prompt ?? -1)
    withUnsafeMutableBytes(of: &failure.pointee.message) { writeTerminated(problem.message, to: $0) }
    return 1
  }
}

/// A pointer from the caller. Throws if it is NULL.
func required<Pointer>(_ pointer: Pointer?, _ function: String, _ argument: String) throws -> Pointer {
  guard let pointer else { throw Failure("\(function): \(argument) is NULL; it is required") }
  return pointer
}

/// A caller's string. Throws if it is NULL.
func text(_ string: UnsafePointer<CChar>?, _ function: String, _ argument: String) throws -> String {
  String(cString: try required(string, function, argument))
}

/// A caller's array of strings.
func texts(
  _ strings: UnsafePointer<UnsafePointer<CChar>?>?, count: Int, _ function: String, _ argument: String
) throws -> [String] {
  if count == 0 { return [] }
  guard count > 0 else { throw Failure("\(function): \(argument) has \(count) entries") }
  let strings = try required(strings, function, argument)
  return try (0..<count).map { try text(strings[$0], function, "\(argument)[\($0)]") }
}

/// Gives a text to the caller, who frees it with `losskit_text_free`.
func give(_ text: String, to target: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) throws {
  guard let copy = strdup(text) else { throw Failure("cannot allocate memory for a text") }
  target.pointee = copy
}
