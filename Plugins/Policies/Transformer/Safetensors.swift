import LossKit
import LossKitHead
import LossKitJSON

/// A file of named float32 tensors in the safetensors format: the size of a JSON header (8 bytes, little-endian), the header, then the
/// contiguous bytes of the tensors.
struct Safetensors {
  /// The format's limit on the header size.
  private static let largestHeader = 100_000_000

  private let file: File
  private let dataStart: Int
  private let header: SafetensorsHeader

  /// Opens a file and validates its untrusted header.
  init(opening path: String) throws {
    let file = try File.reading(path)
    self.file = file
    let place = "transformer: \(path)"
    let size = try file.size()
    guard size >= 8 else { throw Failure("\(place): \(size) bytes are too few for a safetensors file; it was cut off") }
    let headerSize = try file.read(8, at: 0).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard headerSize <= UInt64(Self.largestHeader), Int(headerSize) <= size - 8 else {
      throw Failure("\(place): a header of \(headerSize) bytes in a file of \(size); it is damaged or was cut off")
    }
    header = try JSONObject.read(file.read(Int(headerSize), at: 8), place: "\(place): header") {
      try SafetensorsHeader($0)
    }
    dataStart = 8 + Int(headerSize)
    try Self.checkCoverage(header.entries, size: size - dataStart, place)
  }

  /// The free-form texts of the header.
  var metadata: [String: String] { header.metadata }

  var entries: [SafetensorsHeader.Entry] { header.entries }

  /// Reads the tensors named in `tensors` into one array at their offsets. Throws, naming the tensor, for a missing or extra tensor or a
  /// different shape.
  func read(_ tensors: [WeightTensor], prefix: String = "", into buffer: FloatBuffer) throws {
    var byName: [String: SafetensorsHeader.Entry] = [:]
    for entry in entries where entry.name.hasPrefix(prefix) { byName[entry.name] = entry }
    for tensor in tensors {
      let name = prefix + tensor.name
      guard let entry = byName.removeValue(forKey: name) else {
        throw Failure("transformer: \(file.path): the tensor \(name) is missing")
      }
      guard entry.shape == tensor.shape else {
        throw Failure(
          "transformer: \(file.path): \(name) has the shape \(entry.shape), config.json says \(tensor.shape)")
      }
      let start = tensor.offset * MemoryLayout<Float>.stride
      try file.read(
        into: UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[start..<start + entry.bytes.count]),
        at: dataStart + entry.bytes.lowerBound)
    }
    if let extra = byName.keys.min() {
      throw Failure("transformer: \(file.path): the tensor \(extra) has no place in this model")
    }
  }

  /// The total size of all tensors in bytes.
  var dataSize: Int { entries.reduce(0) { $0 + $1.bytes.count } }

  /// Throws unless the tensors fill the rest of the file without gaps or overlaps.
  private static func checkCoverage(_ entries: [SafetensorsHeader.Entry], size: Int, _ place: String) throws {
    var position = 0
    func ends(_ entry: SafetensorsHeader.Entry) -> (Int, Int) { (entry.bytes.lowerBound, entry.bytes.upperBound) }
    for entry in entries.sorted(by: { ends($0) < ends($1) }) {
      guard entry.bytes.lowerBound == position else {
        throw Failure("\(place): tensor \(entry.name) begins at byte \(entry.bytes.lowerBound), not at \(position)")
      }
      position = entry.bytes.upperBound
    }
    guard position == size else {
      throw Failure("\(place): the tensors take \(position) bytes, the file has \(size); it was cut off or is damaged")
    }
  }
}

extension Safetensors {
  /// Tensors to write, with a prefix for their names.
  struct Group {
    var prefix = ""
    let buffer: FloatBuffer
  }

  /// Writes the tensors of each group, one after another.
  static func write(
    _ path: String, tensors: [WeightTensor], groups: [Group], metadata: [String: String]
  ) throws {
    var header = SafetensorsHeader(metadata: metadata, entries: [])
    var position = 0
    var parts: [UnsafeRawBufferPointer] = []
    for group in groups {
      for tensor in tensors {
        let size = tensor.count * MemoryLayout<Float>.stride, start = tensor.offset * MemoryLayout<Float>.stride
        header.entries.append(
          SafetensorsHeader.Entry(
            name: group.prefix + tensor.name, shape: tensor.shape, bytes: position..<position + size))
        position += size
        parts.append(UnsafeRawBufferPointer(rebasing: group.buffer.bytes[start..<start + size]))
      }
    }
    let text = header.encoded()
    let size = (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) }
    try (size + text).withUnsafeBytes { try File.write(path, [$0] + parts) }
    withExtendedLifetime(groups) {}
  }
}
