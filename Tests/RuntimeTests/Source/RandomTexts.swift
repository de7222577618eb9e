import LossKitTestSupport

@testable import LossKit
@testable import LossKitRuntime

/// Random texts of objectives and formulas, determined by a seed. Most can be parsed.
struct RandomTexts {
  private var numbers: SeededNumbers
  private let losses, rewards: [String]
  /// The hyperparameters and definitions of the formula that is being written.
  private var parameters: Set<String> = []
  private var definitions: [String] = []
  private var places: [String] = []

  /// `losses` and `rewards` are the names that objectives may use.
  init(seed: UInt64, losses: [String], rewards: [String]) {
    numbers = SeededNumbers(seed: seed)
    self.losses = losses
    self.rewards = rewards
  }

  /// A number of responses or references for an export; nil for the default.
  mutating func count() -> Int? { pick([nil, nil, nil, 0, 1, 2, 3, 5, 17, 1025]) }

  /// The text of an objective.
  mutating func objective() -> String {
    var text = (0..<pick([1, 1, 1, 2, 3])).map { _ in term() }.joined(separator: pick(["+", " + "]))
    if chance(0.6) { text += " @ " + (chance(0.5) ? pick(rewards) : formula(.reward)) }
    if chance(0.02) { text.remove(at: text.indices.randomElement(using: &numbers) ?? text.startIndex) }
    return text
  }

  private mutating func term() -> String {
    let weight = chance(0.3) ? pick(["0.5*", "2*", "0*", "1e-300*", "1e308*", "-1*"]) : ""
    return weight + (chance(0.4) ? pick(losses) : formula(.loss))
  }

  /// A formula in braces with the values of its hyperparameters.
  mutating func formula(_ kind: LoadedComponent.Kind) -> String {
    parameters = []
    definitions = []
    places =
      kind == .reward
      ? pick([["response"], ["token"], ["token"]])
      : pick([
        ["chosen", "rejected"], ["chosen"], ["response"], ["responses[0]", "responses[1]", "responses[2]"],
        ["responses[0]"], ["responses[63]"],
      ])
    var text = ""
    for _ in 0..<pick([0, 0, 0, 1, 2, 6]) {
      let value = expression(depth: 2)
      let name = pick(["z", "u", "t1", "m1", "d_x", "loss", "like", "x\(definitions.count)"])
      definitions.append(name)
      text += "\(name) = \(value); "
    }
    text = "{\(text)\(expression(depth: pick([0, 1, 2, 4])))}"
    let values = parameters.sorted().map { "\($0)=\(pick(["0", "-0.0", "0.1", "1", "-3", "1e300", "5e-324"]))" }
    return text + (values.isEmpty ? "" : "(\(values.joined(separator: ", ")))")
  }

  private mutating func expression(depth: Int) -> String {
    if depth == 0 || chance(0.1) { return leaf() }
    switch Int.random(in: 0..<6, using: &numbers) {
    case 0: return "-" + operand(depth: depth)
    case 1: return "\(operand(depth: depth))\(pick(["/", " / "]))\(operand(depth: depth))"
    case 2: return "\(operand(depth: depth)) \(pick(["+", "-", "*", "*"])) \(operand(depth: depth))"
    case 3:
      let sign = pick(["<", ">", "<=", ">=", "==", "!="])
      let condition = "\(expression(depth: depth - 1)) \(sign) \(expression(depth: 0))"
      return "select(\(condition), \(expression(depth: depth - 1)), \(expression(depth: depth - 1)))"
    default:
      let function = pick(FormulaFunction.all)
      let most = min(function.operandCount.upperBound, 4)
      let count = Int.random(in: function.operandCount.lowerBound...most, using: &numbers)
      return "\(function.name)(\((0..<count).map { _ in expression(depth: depth - 1) }.joined(separator: ", ")))"
    }
  }

  private mutating func operand(depth: Int) -> String { "(\(expression(depth: depth - 1)))" }

  private mutating func leaf() -> String {
    switch Int.random(in: 0..<10, using: &numbers) {
    case 0: return pick(["0", "1", "2", "0.5", "1e308", "5e-324", "1e-40", "690", "3.4e38"])
    case 1: return pick(["batch_count", "row", "uniform()", "uniform(4294967295)"])
    case 2:
      let name = pick(["beta", "b", "z1", "t2", "size_t", "state", "reward", "gamma", "lambda"])
      parameters.insert(name)
      return name
    case 3 where !definitions.isEmpty: return pick(definitions)
    default: return column()
    }
  }

  private mutating func column() -> String {
    let place = pick(places)
    if place == "token", chance(0.7) { return "token." + pick(FormulaColumn.TokenNumber.allCases).rawValue }
    let columns = FormulaColumn.known.filter { ($0.extent == .token) == (place == "token") }
    let column = pick(columns)
    let reference = column.isPerReference && chance(0.3) ? pick(["[0]", "[1]", "[63]"]) : ""
    return "\(place).\(column.name)\(reference)"
  }

  private mutating func chance(_ probability: Double) -> Bool {
    Double.random(in: 0..<1, using: &numbers) < probability
  }

  private mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[Int.random(in: elements.indices, using: &numbers)]
  }
}
