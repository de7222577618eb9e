import LossKit
import LossKitRuntime

/// What a component's name becomes in each language.
struct ProjectNames {
  /// The name it is found by: `my-loss`.
  let component: String
  let kind: ProjectKind
  /// In kebab case, ending in the kind: `hinge-loss`. So it is no keyword, and nothing of LossKit's or of a standard library's.
  let kebab: String

  /// Throws for a text that is no component's name.
  init(_ name: String, kind: ProjectKind) throws {
    guard NameRule.isComponentName(name), name.utf8.count <= NameRule.longest else {
      throw Failure("'\(name)' is not a name: \(NameRule.componentRule)\(Self.suggestion(for: name))")
    }
    component = name
    self.kind = kind
    let ending = kind.rawValue
    kebab = name == ending || name.hasSuffix("-\(ending)") ? name : "\(name)-\(ending)"
    guard !Self.protocols.contains(type) else {
      throw Failure("\(name): its type would be \(type), which LossKit has; choose another name, such as my-\(name)")
    }
  }

  /// As a type: `MyLoss`.
  var type: String {
    kebab.split(separator: "-").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
  }

  /// As a function: `my_loss`.
  var function: String { kebab.replacing("-", with: "_") }

  /// The built library, below the project's directory.
  var library: String { "plugin/lib\(component).so" }

  /// An objective with it.
  var expression: String {
    switch kind {
    case .loss: component
    case .reward: "dpo @ \(component)"
    }
  }

  private static let protocols = ["PairwiseLoss", "ListwiseLoss", "UnpairedLoss", "TokenwiseReward"]

  /// A legal name like the one that is not.
  private static func suggestion(for name: String) -> String {
    var words: [String] = [""]
    var wasLower = false
    for character in name {
      let isWordCharacter = character.isASCII && (character.isLetter || character.isNumber)
      if !isWordCharacter || (character.isUppercase && wasLower) { words.append("") }
      if isWordCharacter { words[words.count - 1] += character.lowercased() }
      wasLower = character.isLowercase
    }
    let name = words.filter { !$0.isEmpty }.joined(separator: "-")
    return NameRule.isComponentName(name) && name.utf8.count <= NameRule.longest ? "; '\(name)' would be one" : ""
  }
}
