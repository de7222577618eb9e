import LossKit

/// A file of named float32 tensors in the safetensors format: the size of a JSON header (8 bytes, little-endian), the header,
/// then the tensors' bytes back to back.
struct Safetensors {
  /// A tensor of the file.
  struct Entry {
    let name: String
    let shape: [Int]
    /// Where its bytes lie behind the header.
    let bytes: Range<Int>
  }

  /// The format's own limit on its header.
  private static let largestHeader = 100_000_000

  private let file: File
  private let dataStart: Int
  /// The free-form texts of the header.
  let metadata: [String: String]
  let entries: [Entry]

  /// Opens a file and checks all of its header: nothing in it is trusted.
  init(opening path: String) throws {
    let file = try File.reading(path)
    self.file = file
    let place = "transformer: \(path)"
    let size = try file.size()
    guard size >= 8 else { throw Failure("\(place): \(size) bytes are no safetensors file; it was cut off") }
    var prefix = [UInt8](repeating: 0, count: 8)
    try prefix.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
    let headerSize = prefix.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard headerSize <= UInt64(Self.largestHeader), Int(headerSize) <= size - 8 else {
      throw Failure("\(place): a header of \(headerSize) bytes in a file of \(size); it is damaged or was cut off")
    }
    var header = [UInt8](repeating: 0, count: Int(headerSize))
    try header.withUnsafeMutableBytes { try file.read(into: $0, at: 8) }
    let json = try header.withUnsafeBytes { try JSON(parsing: $0, place: "\(place): header") }
    guard case .object(let members) = json else { throw Failure("\(place): the header is not a JSON object") }
    dataStart = 8 + header.count
    metadata = try Self.metadata(json["__metadata__"], place)
    entries = try members.filter { $0.name != "__metadata__" }.map { try Self.entry($0, place) }
    try Self.checkCoverage(entries, size: size - dataStart, place)
  }

  /// Reads the tensors that `tensors` names into one array, where each has its place. A tensor too few, too many or of another
  /// shape is an error that names it.
  func read(_ tensors: [WeightTensor], prefix: String = "", into buffer: FloatBuffer) throws {
    var byName: [String: Entry] = [:]
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

  /// The bytes of all tensors.
  var dataSize: Int { entries.reduce(0) { $0 + $1.bytes.count } }

  private static func metadata(_ value: JSON?, _ place: String) throws -> [String: String] {
    guard let value else { return [:] }
    guard case .object(let members) = value else { throw Failure("\(place): the metadata is not a JSON object") }
    return try members.reduce(into: [:]) { result, member in
      guard let text = member.value.text else {
        throw Failure("\(place): the metadata \"\(member.name)\" is not a text")
      }
      result[member.name] = text
    }
  }

  private static func entry(_ member: JSON.Member, _ place: String) throws -> Entry {
    let problem = "\(place): tensor \(member.name)"
    guard let type = member.value["dtype"]?.text else { throw Failure("\(problem) has no dtype") }
    guard type == "F32" else {
      throw Failure("\(problem) is \(type); only float32 (F32) can be read, convert the checkpoint")
    }
    guard case .array(let sizes)? = member.value["shape"], case .array(let ends)? = member.value["data_offsets"],
      let start = ends.first?.integer, let end = ends.last?.integer, ends.count == 2
    else { throw Failure("\(problem) lacks its shape or its offsets") }
    var count = MemoryLayout<Float>.stride
    let shape = try sizes.map { size -> Int in
      guard let size = size.integer, size >= 0 else { throw Failure("\(problem) has a size that is none") }
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      guard !overflow else { throw Failure("\(problem) is larger than memory can be") }
      count = product
      return size
    }
    guard start >= 0, end >= start, end - start == count else {
      throw Failure("\(problem) of shape \(shape) lies at bytes \(start) to \(end), which is not \(count) bytes")
    }
    return Entry(name: member.name, shape: shape, bytes: start..<end)
  }

  /// The tensors must fill the rest of the file without gaps and without sharing bytes.
  private static func checkCoverage(_ entries: [Entry], size: Int, _ place: String) throws {
    var position = 0
    func ends(_ entry: Entry) -> (Int, Int) { (entry.bytes.lowerBound, entry.bytes.upperBound) }
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
  /// Tensors to write, under their names behind `prefix`.
  struct Group {
    var prefix = ""
    let buffer: FloatBuffer
  }

  /// Writes the tensors of each group. The header is padded with spaces so that the data lies on a multiple of 8 bytes.
  static func write(
    _ path: String, tensors: [WeightTensor], groups: [Group], metadata: [(name: String, text: String)]
  ) throws {
    var members = [
      JSON.Member(
        name: "__metadata__",
        value: .object(metadata.map { JSON.Member(name: $0.name, value: .string($0.text)) }))
    ]
    var position = 0
    var parts: [UnsafeRawBufferPointer] = []
    for group in groups {
      for tensor in tensors {
        let size = tensor.count * MemoryLayout<Float>.stride, start = tensor.offset * MemoryLayout<Float>.stride
        let value = JSON.object([
          JSON.Member(name: "dtype", value: .string("F32")),
          JSON.Member(name: "shape", value: .array(tensor.shape.map { .number("\($0)") })),
          JSON.Member(name: "data_offsets", value: .array([.number("\(position)"), .number("\(position + size)")])),
        ])
        members.append(JSON.Member(name: group.prefix + tensor.name, value: value))
        position += size
        parts.append(UnsafeRawBufferPointer(rebasing: group.buffer.bytes[start..<start + size]))
      }
    }
    var header = Array(JSON.object(members).compact.utf8)
    while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }
    let size = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
    try (size + header).withUnsafeBytes { try File.write(path, [$0] + parts) }
    withExtendedLifetime(groups) {}
  }
}
