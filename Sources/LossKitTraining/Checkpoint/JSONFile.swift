import LossKitJSON
import LossKitSystem

extension JSONValue {
  /// The value that a whole file holds; nil where the file is no JSON. Throws where it cannot be read.
  init?(ofFile path: String) throws {
    let content = try Files.read(path)
    guard let value = try? JSONValue(parsing: content) else { return nil }
    self = value
  }
}
