import LossKit
import LossKitJSON
import LossKitRuntime
import LossKitSystem

/// The file `losskit-manifest.json` of a checkpoint, a saved reference or a final model, written last: the size and SHA-256 digest of every
/// other file.
enum CheckpointManifest {
  /// Its file name; policies, which write into the same directory, have others.
  static let name = "losskit-manifest.json"
  private static let format = "losskit-checkpoint/1"

  /// Writes the manifest of the files in a directory.
  static func write(to directory: String) throws {
    let files = try files(in: directory).map { path in
      let content = try measure("\(directory)/\(path)")
      return JSONValue.object([
        ("path", .string(path)), ("bytes", .number(content.size)), ("sha256", .string(content.digest)),
      ])
    }
    try Files.write(
      text(.object([("format", .string(format)), ("files", .array(files))])), to: "\(directory)/\(name)")
  }

  private static func text(_ json: JSONValue) -> [UInt8] { Array((json.indented + "\n").utf8) }

  /// Throws if a directory does not match its manifest, naming the first file that differs.
  static func check(_ directory: String) throws {
    guard Files.isDirectory(directory) else { throw Failure("it is not a directory") }
    guard Files.exists("\(directory)/\(name)") else {
      throw Failure("it has no \(name): it is incomplete, or of LossKit 1.0.0")
    }
    let damaged = Failure("\(name) is damaged")
    let content = try Files.read("\(directory)/\(name)")
    // A change that leaves the meaning is found, too.
    guard let json = try? JSONValue(parsing: content), content == text(json), let members = json.object,
      members["format"] == .string(format), let files = members["files"]?.array
    else { throw damaged }
    for file in files {
      guard let file = file.object, let path = file["path"]?.string, let size = file["bytes"]?.integer,
        let digest = file["sha256"]?.string
      else { throw damaged }
      guard Files.exists("\(directory)/\(path)") else { throw Failure("\(path) is missing") }
      let content = try measure("\(directory)/\(path)")
      guard content.size == size else {
        throw Failure("\(path) has \(content.size) bytes, and had \(size) when it was written")
      }
      guard content.digest == digest else { throw Failure("\(path) has changed since it was written") }
    }
  }

  /// Returns the size of a file in bytes and its SHA-256 digest in hexadecimal.
  private static func measure(_ path: String) throws -> (size: Int, digest: String) {
    try Files.naming(path, "cannot be read") {
      let file = try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
      return try file.closeAfter {
        var digest = SHA256Digest()
        var chunk = [UInt8](repeating: 0, count: 1 << 20)
        var size = 0
        while true {
          let count = try chunk.withUnsafeMutableBytes { try file.read(into: $0) }
          if count == 0 { return (size, digest.hexadecimal()) }
          digest.update(chunk[..<count])
          size += count
        }
      }
    }
  }

  /// The paths of all files in a directory, relative to it.
  private static func files(in directory: String) throws -> [String] {
    try Files.names(in: directory).flatMap { name in
      let path = "\(directory)/\(name)"
      return Files.isDirectory(path) ? try files(in: path).map { "\(name)/\($0)" } : [name]
    }
  }
}
