import LossKitRuntime
import LossKitSystem

/// The file of the running program.
enum Executable {
  /// Its path, with links resolved.
  static var path: String? { RunningCode.program }

  /// Whether a shell finds this program under a name.
  static func isInPath(as name: String) -> Bool {
    guard let path, let directories = getenv("PATH").map({ String(cString: $0) }) else { return false }
    // A shell runs the first program of that name.
    let candidates: [String] = directories.split(separator: ":").map { "\($0)/\(name)" }
    let first = candidates.first { access($0, X_OK) == 0 }
    guard let first, let found = realpath(first, nil) else { return false }
    defer { free(found) }
    return String(cString: found) == path
  }

  /// The directory that contains it.
  static var directory: String? {
    path.flatMap { path in path.lastIndex(of: "/").map { String(path[..<$0]) } }
  }
}
