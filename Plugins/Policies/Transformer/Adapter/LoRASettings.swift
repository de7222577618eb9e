import LossKit

/// How a low-rank adapter is made, named as in PEFT's `LoraConfig`.
struct LoRASettings: Sendable, Equatable {
  /// The rank of new matrices; 0 for training all weights.
  var rank = 0
  /// The factor on the product of the matrices is alpha / rank, or alpha / √rank with `usesRSLoRA`.
  var alpha = 8.0
  var usesRSLoRA = false
  var targets = LoRATargets.allLinear
  /// Whether an adapter is added to the weights of its base on loading, which gives a model without adapter.
  var isMerged = false

  /// The factor on the product of matrices of a rank.
  func scale(rank: Int, alpha: Double) -> Float {
    Float(alpha / (usesRSLoRA ? Double(rank).squareRoot() : Double(rank)))
  }
}

/// The projections that a new adapter changes.
enum LoRATargets: Sendable, Equatable {
  /// All projections of the layers.
  case allLinear
  /// Modules that have one of these names, in full or after a period.
  case names([String])

  private static let all = "all-linear"

  /// Reads "all-linear" or a comma-separated list, such as "q_proj,v_proj".
  init(_ text: String) throws {
    let names = text.split(separator: ",", omittingEmptySubsequences: false).map { name in
      String(name.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
    guard !names.contains("") else {
      throw Failure("lora_targets is \"\(text)\"; give \(Self.all) or names with commas between, such as q_proj,v_proj")
    }
    self = names == [Self.all] ? .allLinear : .names(names)
  }

  /// The modules that are meant. Throws for a name that none has.
  func select(from modules: [String]) throws -> [String] {
    guard case .names(let names) = self else { return modules }
    func isNamed(_ module: String, _ name: String) -> Bool { module == name || module.hasSuffix("." + name) }
    if let unknown = names.first(where: { name in !modules.contains { isNamed($0, name) } }) {
      var known: [String] = []
      for module in modules {
        let name = Self.lastName(of: module)
        if !known.contains(name) { known.append(name) }
      }
      throw Failure("transformer: lora_targets names \(unknown); this model has \(known.joined(separator: ", "))")
    }
    return modules.filter { module in names.contains { isNamed(module, $0) } }
  }

  /// The part of a module's name after the last period.
  static func lastName(of module: String) -> String {
    module.split(separator: ".").last.map(String.init) ?? module
  }
}
