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

  package init(_ template: String, _ binding: Binding) {
    self.template = template
    self.binding = binding
  }

  package init(stringLiteral template: String) { self.init(template, .atom) }

  /// A function call; the name alone if it has no operands.
  static func call(_ name: String, _ arity: Int) -> Spelling {
    let operands = ["{a}", "{b}", "{c}"].prefix(arity).joined(separator: ", ")
    return Spelling(arity == 0 ? name : "\(name)(\(operands))", .atom)
  }

  /// A part of a template.
  package enum Part {
    case text(String)
    /// The operand of an index, and what it is surrounded by.
    case operand(Int, in: Binding)
  }

  /// The parts of the template for a node; `subject` is the object whose columns a plugin's function reads.
  package func parts(of node: GraphNode, subject: String) -> [Part] {
    var parts: [Part] = []
    var text = ""
    var rest = template[...]
    while let start = rest.firstIndex(of: "{") {
      text += rest[..<start]
      rest = rest[start...].dropFirst()
      let inner = rest.prefix { $0 != "}" && $0 != "{" }
      guard rest.dropFirst(inner.count).first == "}", let place = Self.place(inner, of: node, subject: subject) else {
        text += "{"
        continue
      }
      rest = rest.dropFirst(inner.count + 1)
      switch place {
      case .text(let filled): text += filled
      case .operand:
        parts += [.text(text), place]
        text = ""
      }
    }
    return parts + [.text(text + rest)]
  }

  /// What a place in braces stands for; nil if it is none.
  private static func place(_ inner: Substring, of node: GraphNode, subject: String) -> Part? {
    let words = inner.split(separator: ":")
    guard let name = words.first, let surroundings = words.count > 1 ? Binding(rawValue: String(words[1])) : .sum
    else { return nil }
    switch name {
    case "a" where node.operation.arity > 0: return .operand(0, in: surroundings)
    case "b" where node.operation.arity > 1: return .operand(1, in: surroundings)
    case "c" where node.operation.arity > 2: return .operand(2, in: surroundings)
    case "n": return .text("\(node.a)")
    case "subject": return .text(subject)
    default: return nil
    }
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
