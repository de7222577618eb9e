import CLossKitForeign

/// A C function as its declaration has it: `double my_loss(double chosen_reward, double beta = 0.1)`.
struct Prototype: Sendable {
  /// A number's type.
  enum Number: String, CaseIterable, Sendable {
    case double, float
    case int32 = "int32_t"
    case int64 = "int64_t"
    case size = "size_t"

    var isInteger: Bool { self != .double && self != .float }

    /// Its number in `losskit_foreign.h`.
    var code: UInt32 {
      switch self {
      case .double: UInt32(LOSSKIT_C_DOUBLE)
      case .float: UInt32(LOSSKIT_C_FLOAT)
      case .int32: UInt32(LOSSKIT_C_INT32)
      case .int64: UInt32(LOSSKIT_C_INT64)
      case .size: UInt32(LOSSKIT_C_SIZE)
      }
    }

    /// The whole numbers of the type that a double holds exactly.
    var range: ClosedRange<Double> {
      switch self {
      case .int32: -0x1p31...(0x1p31 - 1)
      case .size: 0...0x1p53
      default: -0x1p53...0x1p53
      }
    }
  }

  /// How an argument is handed over.
  enum Passing: Sendable, Equatable {
    /// `T`
    case value
    /// `const T *`
    case input
    /// `T *`
    case output
  }

  /// One argument.
  struct Argument: Sendable {
    let name: String
    /// What it is or points to; nil for `void *`.
    let number: Number?
    let passing: Passing
    /// What stands behind `=`.
    let initial: Double?
    /// Where the name stands in the text, from 1 on.
    let column: Int

    /// The declaration with another way of passing, for remedies.
    func written(as passing: Passing, number: Number? = nil) -> String {
      let type = (number ?? self.number)?.rawValue ?? "void"
      switch passing {
      case .value: return "\(type) \(name)"
      case .input: return "const \(type) *\(name)"
      case .output: return "\(type) *\(name)"
      }
    }

    var code: UInt32 { number?.code ?? UInt32(LOSSKIT_C_POINTER) }
  }

  /// What it returns; nil for `void`.
  let result: Number?
  /// The name; empty for `double (*)(…)`.
  let name: String
  /// The arguments, in order.
  let arguments: [Argument]
  /// The text it was read from.
  let text: String
  /// What the text is, as errors call it: "function".
  let subject: String

  /// Whether it is called once for all rows, which the argument `n` tells.
  var isBatch: Bool { arguments.contains { $0.name == Self.count } }

  /// The name of the argument that gets the number of rows.
  static let count = "n"
  /// The name of the argument that gets the pointer handed over with a function.
  static let userData = "user_data"
  /// What the name of a derivative begins with.
  static let derivative = "d_"

  func argument(named name: String) -> Argument? { arguments.first { $0.name == name } }
}
