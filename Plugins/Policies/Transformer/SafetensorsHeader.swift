import FoundationEssentials
import LossKit

/// The JSON header of a safetensors file: free-form texts, and where each tensor lies.
struct SafetensorsHeader {
  /// A tensor of the file.
  struct Entry {
    let name: String
    let shape: [Int]
    /// Where its bytes lie behind the header.
    let bytes: Range<Int>
  }

  private static let metadataName = "__metadata__"
  /// Of a tensor.
  private enum Member {
    static let type = "dtype", shape = "shape", offsets = "data_offsets"
  }
  /// The one type of number.
  private static let float32 = "F32"

  var metadata: [String: String]
  var entries: [Entry]

  /// As bytes, padded with spaces so that the data lies on a multiple of 8 bytes.
  func encoded() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let text = try Array(encoder.encode(self))
    return text + [UInt8](repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
  }
}

extension SafetensorsHeader: Decodable {
  /// Checks each member on its own; that the tensors fit into a file is for the file to check.
  init(from decoder: any Decoder) throws {
    let json = try JSONObject(from: decoder)
    metadata = [:]
    if json.has(Self.metadataName) {
      guard let texts = json.object(Self.metadataName) else { throw Failure("the metadata is not a JSON object") }
      for name in texts.names {
        guard let text = texts.value(name, as: String.self) else {
          throw Failure("the metadata \"\(name)\" is not a text")
        }
        metadata[name] = text
      }
    }
    entries = try json.names.filter { $0 != Self.metadataName }.map { try Self.entry($0, json.object($0)) }
  }

  private static func entry(_ name: String, _ json: JSONObject?) throws -> Entry {
    let problem = "tensor \(name)"
    guard let json, let type: String = json.value(Member.type) else { throw Failure("\(problem) has no dtype") }
    guard type == float32 else {
      throw Failure("\(problem) is \(type); only float32 (\(float32)) can be read, convert the checkpoint")
    }
    guard let shape = json.value(Member.shape, as: [Int].self),
      let ends = json.value(Member.offsets, as: [Int].self), ends.count == 2
    else { throw Failure("\(problem) lacks its shape or its offsets, in whole numbers") }
    var count = MemoryLayout<Float>.stride
    for size in shape {
      guard size >= 0 else { throw Failure("\(problem) has a size that is none") }
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      guard !overflow else { throw Failure("\(problem) is larger than memory can be") }
      count = product
    }
    let (start, end) = (ends[0], ends[1])
    guard start >= 0, end >= start, end - start == count else {
      throw Failure("\(problem) of shape \(shape) lies at bytes \(start) to \(end), which is not \(count) bytes")
    }
    return Entry(name: name, shape: shape, bytes: start..<end)
  }
}

extension SafetensorsHeader: Encodable {
  /// Writes the metadata and the tensors as members of one object.
  func encode(to encoder: any Encoder) throws {
    var members = encoder.container(keyedBy: JSONObject.Name.self)
    try members.encode(metadata, forKey: .init(Self.metadataName))
    for entry in entries {
      var tensor = members.nestedContainer(keyedBy: JSONObject.Name.self, forKey: .init(entry.name))
      try tensor.encode(Self.float32, forKey: .init(Member.type))
      try tensor.encode(entry.shape, forKey: .init(Member.shape))
      try tensor.encode([entry.bytes.lowerBound, entry.bytes.upperBound], forKey: .init(Member.offsets))
    }
  }
}
