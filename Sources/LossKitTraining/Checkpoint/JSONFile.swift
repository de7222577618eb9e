import FoundationEssentials

extension JSONValue {
  /// The value that a whole file holds; nil where the file is no JSON. Throws where it cannot be read.
  init?(ofFile path: String) throws {
    let data = Data(try Files.read(path))
    guard let value = try? JSONDecoder().decode(JSONValue.self, from: data) else { return nil }
    self = value
  }
}
