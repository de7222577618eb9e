import LossKit
import LossKitRuntime

/// The spellings of a component's name in each language.
struct ProjectNames {
  /// The component's name: `my-loss`.
  let component: String
  let kind: ProjectKind
  /// In kebab case with the kind as suffix: `hinge-loss`. So it collides with no keyword, and no name of LossKit or a standard library.
  let kebab: String

  /// Throws for a text that is not a valid name.
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

  /// The path of the built library in the project's directory.
  var library: String { "plugin/lib\(component).so" }

  /// An objective that uses the component.
  var expression: String {
    switch kind {
    case .loss: component
    case .reward: "dpo @ \(component)"
    }
  }

  private static let protocols = ["PairwiseLoss", "ListwiseLoss", "UnpairedLoss", "TokenwiseReward"]

  /// A valid name similar to an invalid one.
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
