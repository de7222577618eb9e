import LossKit
import LossKitJSON
import LossKitRuntime

/// The file `manifest.json` of a checkpoint, written last: size and SHA-256 sum of every other file in it.
enum CheckpointManifest {
  static let name = "manifest.json"
  private static let format = "losskit-checkpoint/1"

  /// Writes the manifest of what is in a directory.
  static func write(to directory: String) throws {
    let files = try files(in: directory).map { path in
      let content = try Files.measure("\(directory)/\(path)")
      return JSONText.object([
        ("path", .string(path)), ("bytes", .integer(content.size)), ("sha256", .string(content.digest)),
      ])
    }
    let json = JSONText.object([("format", .string(format)), ("files", .array(files))])
    try Files.write(Array((json.indented + "\n").utf8), to: "\(directory)/\(name)")
  }

  /// Throws where a directory is not what its manifest says, naming the first file that is not.
  static func check(_ directory: String) throws {
    guard Files.isDirectory(directory) else { throw Failure("it is no directory") }
    guard Files.exists("\(directory)/\(name)") else { throw Failure("it has no \(name), which is written last") }
    let damaged = Failure("\(name) is damaged")
    guard case .object(let members)? = try JSONValue(ofFile: "\(directory)/\(name)"),
      members["format"] == .string(format), case .array(let files)? = members["files"]
    else { throw damaged }
    for file in files {
      guard case .object(let file) = file, case .string(let path)? = file["path"],
        case .number(let size)? = file["bytes"], case .string(let digest)? = file["sha256"]
      else { throw damaged }
      guard Files.exists("\(directory)/\(path)") else { throw Failure("\(path) is missing") }
      let content = try Files.measure("\(directory)/\(path)")
      guard Double(content.size) == size else {
        throw Failure("\(path) has \(content.size) bytes, and had \(Int(exactly: size) ?? 0) when it was written")
      }
      guard content.digest == digest else { throw Failure("\(path) has changed since it was written") }
    }
  }

  /// The paths of all files in a directory, from there on.
  private static func files(in directory: String) throws -> [String] {
    try Files.names(in: directory).flatMap { name in
      let path = "\(directory)/\(name)"
      return Files.isDirectory(path) ? try files(in: path).map { "\(name)/\($0)" } : [name]
    }
  }
}
