/// How a notation writes an operation: a text in which {a}, {b} and {c} stand for the operands, as in `\sqrt{{a}}`.
///
/// An operand that binds looser than its place allows is put in parentheses: {a:product} takes a product or what binds tighter,
/// {a} anything. {n} stands for the number of a leaf, {subject} for what a plugin's function reads columns of.
package struct Spelling: Sendable, Equatable, ExpressibleByStringLiteral {
  /// How tightly a text binds, from loose to tight.
  package enum Binding: String, CaseIterable, Comparable, Sendable {
    case sum, product, negation, atom
    /// A name of letters alone.
    case word

    package static func < (a: Self, b: Self) -> Bool { a.order < b.order }
    private var order: Int { Self.allCases.firstIndex(of: self) ?? 0 }
  }

  package let template: String
  /// How tightly the whole binds.
  package let binding: Binding

  init(_ template: String, _ binding: Binding) {
    self.template = template
    self.binding = binding
  }

  package init(stringLiteral template: String) { self.init(template, .atom) }

  /// A call of a function; a name alone where it has no operands.
  static func call(_ name: String, _ arity: Int) -> Spelling {
    let operands = ["{a}", "{b}", "{c}"].prefix(arity).joined(separator: ", ")
    return Spelling(arity == 0 ? name : "\(name)(\(operands))", .atom)
  }

  /// The text with its places filled in.
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

/// How exported code writes an operation.
package enum CodeSpelling: Sendable {
  /// The same text in every language.
  case infix(Spelling)
  /// A function that each language's library of mathematics has under the operation's name, but for C where `c` says so.
  case library(c: String? = nil)
  /// A function that stands before the exported one.
  case helper(Helper)

  /// A function that exported code defines for itself.
  package struct Helper: Sendable {
    package let name: String
    /// The names of the operands, which the bodies use.
    package let operands: [String]
    /// What to know of it.
    package let comment: String?
    /// The statements of its body, by language; nil where the language needs none.
    package let numpy, torch, jax, c: String?
  }

  static func helper(
    _ name: String, _ operands: String..., comment: String? = nil, numpy: String?, torch: String?, jax: String?,
    c: String?
  ) -> CodeSpelling {
    .helper(Helper(name: name, operands: operands, comment: comment, numpy: numpy, torch: torch, jax: jax, c: c))
  }
}
