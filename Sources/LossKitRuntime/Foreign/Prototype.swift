import CLossKitForeign

/// A parsed C function declaration: `double my_loss(double chosen_reward, double beta = 0.1)`.
struct Prototype: Sendable {
  /// A number's type.
  enum Number: String, CaseIterable, Sendable {
    case double, float
    case int32 = "int32_t"
    case int64 = "int64_t"
    case size = "size_t"

    var isInteger: Bool { self != .double && self != .float }

    /// The type's constant in `losskit_foreign.h`.
    var code: UInt32 {
      switch self {
      case .double: UInt32(LOSSKIT_C_DOUBLE)
      case .float: UInt32(LOSSKIT_C_FLOAT)
      case .int32: UInt32(LOSSKIT_C_INT32)
      case .int64: UInt32(LOSSKIT_C_INT64)
      case .size: UInt32(LOSSKIT_C_SIZE)
      }
    }

    /// The whole numbers of the type that a double represents exactly.
    var range: ClosedRange<Double> {
      switch self {
      case .int32: -0x1p31...(0x1p31 - 1)
      case .size: 0...0x1p53
      default: -0x1p53...0x1p53
      }
    }
  }

  /// How an argument is passed.
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
    /// The type of the argument, or of what it points to; nil for `void *`.
    let number: Number?
    let passing: Passing
    /// The default, after `=`.
    let initial: Double?
    /// The column of the name in the text, from 1.
    let column: Int

    /// The argument's declaration with a different way of passing, for remedies in messages.
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

  /// The result type; nil for `void`.
  let result: Number?
  /// The name; empty for `double (*)(…)`.
  let name: String
  /// The arguments, in order.
  let arguments: [Argument]
  /// The text it was read from.
  let text: String
  /// The subject of error messages: "function".
  let subject: String

  /// Whether it is called once for all rows, whose number is the argument `n`.
  var isBatch: Bool { arguments.contains { $0.name == Self.count } }

  /// The name of the argument for the number of rows.
  static let count = "n"
  /// The name of the argument for the user data passed with a function.
  static let userData = "user_data"
  /// The prefix of a derivative's name.
  static let derivative = "d_"

  func argument(named name: String) -> Argument? { arguments.first { $0.name == name } }
}
