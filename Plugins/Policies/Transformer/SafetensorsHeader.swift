import LossKit
import LossKitJSON

/// The JSON header of a safetensors file: free-form texts, and the location of each tensor.
struct SafetensorsHeader {
  /// A tensor of the file.
  struct Entry {
    let name: String
    let shape: [Int]
    var type = NumberType.float32
    /// The range of its bytes after the header.
    let bytes: Range<Int>
  }

  /// The type of a tensor's numbers, as the format spells it.
  enum NumberType: String {
    case float32 = "F32", bfloat16 = "BF16", float16 = "F16"

    /// The size in bytes.
    var size: Int { self == .float32 ? 4 : 2 }
  }

  private static let metadataName = "__metadata__"
  /// The members of a tensor.
  private enum Member {
    static let type = "dtype", shape = "shape", offsets = "data_offsets"
  }

  var metadata: [String: String]
  var entries: [Entry]

  /// The header as bytes, padded with spaces so that the data is aligned to 8 bytes.
  func encoded() -> [UInt8] {
    var members = [
      (Self.metadataName, JSONValue.object(metadata.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
    ]
    for entry in entries {
      let ends = [entry.bytes.lowerBound, entry.bytes.upperBound]
      let tensor: [(String, JSONValue)] = [
        (Member.offsets, .array(ends.map(JSONValue.number))), (Member.type, .string(entry.type.rawValue)),
        (Member.shape, .array(entry.shape.map(JSONValue.number))),
      ]
      members.append((entry.name, .object(tensor)))
    }
    let text = Array(JSONValue.object(members.sorted { $0.0 < $1.0 }).dense.utf8)
    return text + [UInt8](repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
  }
}

extension SafetensorsHeader {
  /// Checks each member separately; the file checks that the tensors fit.
  init(_ json: JSONObject) throws {
    metadata = [:]
    if let texts = json.value(Self.metadataName) {
      guard let texts = texts.object else { throw Failure("the metadata is not a JSON object") }
      for member in texts.members {
        guard let text = member.value.string else { throw Failure("the metadata \"\(member.key)\" is not a text") }
        metadata[member.key] = text
      }
    }
    entries = try json.members.filter { $0.key != Self.metadataName }.sorted { $0.key < $1.key }
      .map { try Self.entry($0.key, $0.value.object) }
  }

  private static func entry(_ name: String, _ json: JSONObject?) throws -> Entry {
    let problem = "tensor \(name)"
    guard let json, let typeName = json[Member.type]?.string else { throw Failure("\(problem) has no dtype") }
    guard let type = NumberType(rawValue: typeName) else {
      throw Failure("\(problem) is \(typeName); float32 (F32), bfloat16 (BF16) and float16 (F16) can be read")
    }
    guard let shape = integers(json[Member.shape]), let ends = integers(json[Member.offsets]), ends.count == 2 else {
      throw Failure("\(problem) lacks its shape or its offsets, in whole numbers")
    }
    var count = type.size
    for size in shape {
      guard size >= 0 else { throw Failure("\(problem) has a negative size") }
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      guard !overflow else { throw Failure("\(problem) exceeds the address space") }
      count = product
    }
    let (start, end) = (ends[0], ends[1])
    guard start >= 0, end >= start, end - start == count else {
      throw Failure("\(problem) of shape \(shape) lies at bytes \(start) to \(end), which is not \(count) bytes")
    }
    return Entry(name: name, shape: shape, type: type, bytes: start..<end)
  }

  private static func integers(_ value: JSONValue?) -> [Int]? {
    guard let elements = value?.array else { return nil }
    let integers = elements.compactMap(\.integer)
    return integers.count == elements.count ? integers : nil
  }
}
