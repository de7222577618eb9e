import LossKitRuntime
import LossKitSystem

/// The running program, as a file.
enum Executable {
  /// Its path, all links resolved.
  static var path: String? { RunningCode.program }

  /// Whether a shell finds this program under a name.
  static func isInPath(as name: String) -> Bool {
    guard let path, let directories = getenv("PATH").map({ String(cString: $0) }) else { return false }
    // The first program of that name is the one that a shell starts.
    let candidates: [String] = directories.split(separator: ":").map { "\($0)/\(name)" }
    let first = candidates.first { access($0, X_OK) == 0 }
    guard let first, let found = realpath(first, nil) else { return false }
    defer { free(found) }
    return String(cString: found) == path
  }

  /// The directory it lies in.
  static var directory: String? {
    path.flatMap { path in path.lastIndex(of: "/").map { String(path[..<$0]) } }
  }
}
