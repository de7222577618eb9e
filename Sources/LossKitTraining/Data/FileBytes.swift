import LossKit
import LossKitSystem

/// The whole content of a file, or of standard input where the path is `-`; throws a `Failure` with the system's reason.
func bytes(ofFile path: String) throws -> [UInt8] {
  if path == "-" { return try bytes(of: STDIN_FILENO, name: standardInputName) }
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { throw unreadable(path) }
  defer { close(descriptor) }
  return try bytes(of: descriptor, name: path)
}

/// What messages call the file at a path.
func displayName(ofFile path: String) -> String {
  path == "-" ? standardInputName : path
}

private let standardInputName = "standard input"

private func bytes(of descriptor: Int32, name: String) throws -> [UInt8] {
  var content: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 1 << 18)
  while true {
    let count = read(descriptor, &chunk, chunk.count)
    if count == 0 { return content }
    if count > 0 {
      content.append(contentsOf: chunk[..<count])
    } else if errno != EINTR {
      throw unreadable(name)
    }
  }
}

private func unreadable(_ name: String) -> Failure {
  Failure("\(name): cannot be read: \(String(cString: strerror(errno))); check the path and its permissions")
}
