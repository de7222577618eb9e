/// The spelling of an operation in a notation: a template in which {a}, {b} and {c} are the operands, as in `\sqrt{{a}}`.
///
/// An operand that binds looser than its place allows is put in parentheses: {a:product} accepts a product or anything that binds tighter,
/// {a} anything. {n} is the number of a leaf, {subject} the object whose columns a plugin's function reads.
package struct Spelling: Sendable, Equatable, ExpressibleByStringLiteral {
  /// How tightly an expression binds, from loose to tight.
  package enum Binding: String, CaseIterable, Comparable, Sendable {
    case sum, product, negation, atom
    /// A name of letters only.
    case word

    package static func < (a: Self, b: Self) -> Bool { a.order < b.order }
    private var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }
  }

  package let template: String
  /// How tightly the whole expression binds.
  package let binding: Binding

  init(_ template: String, _ binding: Binding) {
    self.template = template
    self.binding = binding
  }

  package init(stringLiteral template: String) { self.init(template, .atom) }

  /// A function call; the name alone if it has no operands.
  static func call(_ name: String, _ arity: Int) -> Spelling {
    let operands = ["{a}", "{b}", "{c}"].prefix(arity).joined(separator: ", ")
    return Spelling(arity == 0 ? name : "\(name)(\(operands))", .atom)
  }

  /// The template with its places filled in.
  package func filled(_ operand: (_ place: String, _ surroundings: Binding) -> String?) -> String {
    var text = ""
    var rest = template[...]
    while let start = rest.firstIndex(of: "{") {
      text += rest[..<start]
      rest = rest[start...].dropFirst()
      let inner = rest.prefix { $0 != "}" && $0 != "{" }
      let parts = inner.split(separator: ":").map(String.init)
      let surroundings = parts.count > 1 ? Binding(rawValue: parts[1]) : .sum
      if let place = parts.first, rest.dropFirst(inner.count).first == "}", let surroundings,
        let filled = operand(place, surroundings)
      {
        text += filled
        rest = rest.dropFirst(inner.count + 1)
      } else {
        text += "{"
      }
    }
    return text + rest
  }
}

/// The spelling of an operation in exported code.
package enum CodeSpelling: Sendable {
  /// The same text in every language.
  case infix(Spelling)
  /// A function that every language's math library has under the operation's name; in C under `c` if given.
  case library(c: String? = nil)
  /// A helper function defined before the exported one.
  case helper(Helper)

  /// A helper function of exported code.
  package struct Helper: Sendable {
    package let name: String
    /// The names of the operands, which the bodies use, separated by commas.
    package let operands: String
    /// The comment on the function, if any.
    package let comment: String?
    /// The statements of its body, by language; nil if the language does not need it.
    package let numpy, torch, jax, c: String?
  }

  static func helper(
    _ name: String, _ operands: String, comment: String? = nil, numpy: String?, torch: String?, jax: String?,
    c: String?
  ) -> CodeSpelling {
    .helper(Helper(name: name, operands: operands, comment: comment, numpy: numpy, torch: torch, jax: jax, c: c))
  }
}
