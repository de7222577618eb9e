import LossKitJSON
import LossKitSystem

extension JSONValue {
  /// Reads a file; nil if it is not JSON. Throws if the file cannot be read.
  init?(ofFile path: String) throws {
    let content = try Files.read(path)
    guard let value = try? JSONValue(parsing: content) else { return nil }
    self = value
  }
}
