import CLossKitRows
import LossKit
import LossKitHead
import LossKitJSON

/// A file of named tensors in the safetensors format: the size of a JSON header (8 bytes, little-endian), the header, then the
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

  /// The path of the file.
  var path: String { file.path }

  /// Reads a tensor as bfloat16 into memory of its size.
  func read(_ entry: SafetensorsHeader.Entry, roundedInto values: UnsafeMutablePointer<BFloat16Bits>) throws {
    let count = entry.bytes.count / entry.type.size
    guard entry.type != .bfloat16 else {
      let bytes = UnsafeMutableRawBufferPointer(start: values, count: entry.bytes.count)
      return try file.read(into: bytes, at: dataStart + entry.bytes.lowerBound)
    }
    let size = min(count, 1 << 16)
    let floats = UnsafeMutablePointer<Float>.allocate(capacity: size)
    defer { floats.deallocate() }
    for first in stride(from: 0, to: count, by: size) {
      let part = first..<min(first + size, count)
      try read(entry, part, into: floats)
      losskit_round_to_bfloat16(floats, part.count, values + first)
    }
  }

  /// Reads a tensor as floats into memory of its size.
  func read(_ entry: SafetensorsHeader.Entry, into values: UnsafeMutablePointer<Float>) throws {
    try read(entry, 0..<entry.bytes.count / entry.type.size, into: values)
  }

  /// Reads a range of a tensor's numbers as floats.
  private func read(
    _ entry: SafetensorsHeader.Entry, _ range: Range<Int>, into values: UnsafeMutablePointer<Float>
  ) throws {
    let start = dataStart + entry.bytes.lowerBound + range.lowerBound * entry.type.size, count = range.count
    let expand: (UnsafePointer<UInt16>?, Int, UnsafeMutablePointer<Float>?) -> Void
    switch entry.type {
    case .float32:
      return try file.read(into: UnsafeMutableRawBufferPointer(start: values, count: 4 * count), at: start)
    case .bfloat16: expand = losskit_expand_bfloat16
    case .float16: expand = losskit_expand_half
    }
    let size = min(count, 1 << 16)
    let halves = UnsafeMutableBufferPointer<UInt16>.allocate(capacity: size)
    defer { halves.deallocate() }
    for first in stride(from: 0, to: count, by: size) {
      let part = UnsafeMutableBufferPointer(rebasing: halves[..<min(size, count - first)])
      try file.read(into: UnsafeMutableRawBufferPointer(part), at: start + first * entry.type.size)
      expand(part.baseAddress, part.count, values + first)
    }
  }

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
