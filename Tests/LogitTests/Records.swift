import Foundation

/// The records that Fixtures/make_records.py writes, which documents their origin.
struct Records: Decodable {
  struct Set: Decodable {
    let inputs: [String: [String: Tensor]]
    let results: [Record]
  }

  /// A case's hyperparameters, and tensors by name.
  struct Record: Decodable {
    let name: String
    let hyper: [String: Hyperparameter]
    let tensors: [String: Tensor]

    init(from decoder: any Decoder) throws {
      let fields = try decoder.container(keyedBy: Name.self)
      name = try fields.decode(String.self, forKey: Name("case"))
      hyper = try fields.decode([String: Hyperparameter].self, forKey: Name("hyper"))
      tensors = Dictionary(
        uniqueKeysWithValues: fields.allKeys.compactMap { key in
          (try? fields.decode(Tensor.self, forKey: key)).map { (key.stringValue, $0) }
        })
    }
  }

  let selective, batch, chunked, liger: Set

  static func read() throws -> Records {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Fixtures/records.json")
    return try decoder.decode(Records.self, from: Data(contentsOf: url))
  }
}

/// A number, a Boolean, a name, or null.
enum Hyperparameter: Decodable, Equatable {
  case number(Double), boolean(Bool), name(String), none

  init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer()
    if value.decodeNil() {
      self = .none
    } else if let boolean = try? value.decode(Bool.self) {
      self = .boolean(boolean)
    } else if let name = try? value.decode(String.self) {
      self = .name(name)
    } else {
      self = .number(try value.decode(Double.self))
    }
  }

  var number: Double? { if case .number(let value) = self { value } else { nil } }
}

/// Numbers in nested lists of equal lengths; a single number has no dimension.
struct Tensor: Decodable {
  let shape: [Int]
  let values: [Double]

  init(from decoder: any Decoder) throws {
    if let number = try? decoder.singleValueContainer().decode(Double.self) {
      shape = []
      values = [number]
    } else {
      let parts = try decoder.singleValueContainer().decode([Tensor].self)
      shape = [parts.count] + (parts.first?.shape ?? [])
      values = parts.flatMap(\.values)
    }
  }

  var integers: [Int32] { values.map { Int32($0) } }

  /// The numbers in rows of the last dimension.
  var rows: [[Double]] {
    guard let length = shape.last, length > 0 else { return [] }
    return stride(from: 0, to: values.count, by: length).map { Array(values[$0..<$0 + length]) }
  }
}

struct Name: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }

  init(_ name: String) { stringValue = name }
  init?(stringValue: String) { self.init(stringValue) }
  init?(intValue: Int) { nil }
}
