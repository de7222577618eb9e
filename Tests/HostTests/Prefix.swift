import Foundation
import LossKit

/// An installation of the build under test, made with a restrictive umask and moved after it was
/// made, as a user may move one.
final class Prefix: Sendable {
  /// Made once for all tests, removed when they end.
  static let shared = Result { try Prefix() }

  let path: String
  private let place: String

  private init() throws {
    let manager = FileManager.default
    place = manager.temporaryDirectory.appendingPathComponent("losskit-hosts-\(UUID().uuidString)").path
    try manager.createDirectory(
      atPath: place, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o755])
    path = place + "/moved"
    let made = place + "/made"
    let outcome = try Program.run(
      "sh",
      [
        "-c", "umask 077; exec make install-library install-command install-requirements BUILD=\"$1\" PREFIX=\"$2\"",
        "-", Program.buildDirectory(), made,
      ], in: Program.package)
    guard outcome.status == 0 else { throw Failure("the installation failed: \(outcome.output)") }
    try manager.moveItem(atPath: made, toPath: path)
    Prefix.removal = place
    atexit { if let place = Prefix.removal { try? FileManager.default.removeItem(atPath: place) } }
  }

  /// The directories to remove when the tests end. Written once, before they are read.
  nonisolated(unsafe) private static var removal: String?

  /// A new, empty directory.
  func cleanDirectory() throws -> String {
    let directory = place + "/" + UUID().uuidString
    try FileManager.default.createDirectory(
      atPath: directory, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o755])
    return directory
  }

  /// Runs a shell command in a clean directory; only pkg-config knows the prefix.
  func shell(_ command: String, environment: [String: String] = [:]) throws -> Program.Outcome {
    let own = [
      "PKG_CONFIG_PATH": path + "/lib/pkgconfig", "PREFIX": path, "PACKAGE": Program.package,
      "XDG_CACHE_HOME": place + "/cache",
    ]
    return try Program.run(
      "sh", ["-ec", command], in: try cleanDirectory(), environment: own.merging(environment) { $1 })
  }
}
