import LossKit
import LossKitHead
import LossKitJSON

/// The tensors of one safetensors file, or of those that an index names.
struct WeightFiles {
  static let name = "model.safetensors"
  private static let indexName = "model.safetensors.index.json"
  /// The maximum size of an index; that of a model with 70 billion weights has 100 KB.
  private static let largestIndex = 1 << 26

  /// A tensor, and the file it is in.
  private struct Place {
    let file: Safetensors
    let entry: SafetensorsHeader.Entry
  }

  /// The file or directory, for messages.
  private let path: String
  /// Where shapes come from, for messages.
  private var shapeSource = "config.json says"
  private var places: [String: Place] = [:]

  /// Opens `model.safetensors` in a directory, or the files of its index.
  static func open(in directory: String) throws -> WeightFiles {
    let index = directory + "/" + Self.indexName
    guard File.exists(index), !File.exists(directory + "/" + Self.name) else {
      return WeightFiles(try Safetensors(opening: directory + "/" + Self.name))
    }
    return try WeightFiles(index: index, in: directory)
  }

  private init(index: String, in directory: String) throws {
    path = index
    let files = try Self.files(ofIndex: index)
    var opened: [String: [String: Place]] = [:]
    for name in Set(files.values).sorted() {
      let file = try Safetensors(opening: directory + "/" + name)
      opened[name] = Dictionary(file.entries.map { ($0.name, Place(file: file, entry: $0)) }) { first, _ in first }
    }
    for (tensor, name) in files {
      guard let place = opened[name]?[tensor] else {
        throw Failure("transformer: \(index): the tensor \(tensor) is not in \(name)")
      }
      places[tensor] = place
    }
  }

  /// The tensors of one file.
  init(_ file: Safetensors, shapesFrom shapeSource: String? = nil) {
    path = file.path
    if let shapeSource { self.shapeSource = shapeSource }
    for entry in file.entries { places[entry.name] = Place(file: file, entry: entry) }
  }

  /// The file of each tensor.
  private static func files(ofIndex path: String) throws -> [String: String] {
    try JSONObject.read(file: path, limit: largestIndex, kind: "an index") { json in
      guard let map = json["weight_map"]?.object else { throw Failure("weight_map is missing") }
      var files: [String: String] = [:]
      for member in map.members {
        guard let name = member.value.string, !name.isEmpty, !name.contains("/") else {
          throw Failure("the file of \(member.key) is not the name of a file in the same directory")
        }
        files[member.key] = name
      }
      return files
    }
  }

  /// The names of all tensors.
  var names: [String] { Array(places.keys) }

  /// Removes tensors that a model does not use.
  mutating func remove(where isUnused: (String) -> Bool) {
    for name in places.keys where isUnused(name) { places[name] = nil }
  }

  /// Throws, naming a tensor, unless the names and shapes are those of `tensors`. Until then, nothing is allocated for them: a damaged
  /// configuration cannot request more memory than the files have.
  func check(_ tensors: [WeightTensor], prefix: String = "") throws {
    var others = Set(places.keys.filter { $0.hasPrefix(prefix) })
    for tensor in tensors {
      let name = prefix + tensor.name
      guard let place = places[name] else { throw Failure("transformer: \(path): the tensor \(name) is missing") }
      guard place.entry.shape == tensor.shape else {
        throw Failure(
          "transformer: \(place.file.path): \(name) has the shape \(place.entry.shape), \(shapeSource) \(tensor.shape)"
        )
      }
      others.remove(name)
    }
    if let extra = others.min() {
      throw Failure("transformer: \(path): the tensor \(extra) has no place in this model")
    }
  }

  /// Reads the tensors into one array at their offsets, after `check`; matrices into `matrices`, if given.
  func read(
    _ tensors: [WeightTensor], prefix: String = "", into buffer: FloatBuffer,
    matrices: UnsafeMutablePointer<BFloat16Bits>? = nil
  ) throws {
    try check(tensors, prefix: prefix)
    try Threads.forEachRange(of: tensors.count, fewest: 1) { range in
      for tensor in tensors[range] {
        guard let place = places[prefix + tensor.name] else { continue }
        if let matrices, tensor.isMatrix {
          try place.file.read(place.entry, roundedInto: matrices + tensor.offset)
        } else {
          try place.file.read(place.entry, into: buffer.pointer + tensor.offset)
        }
      }
    }
  }
}
