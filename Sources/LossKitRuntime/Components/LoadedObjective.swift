import CLossKit
import LossKit

/// A named objective of an opened library: a text in the objective grammar.
public struct LoadedObjective: Sendable {
  /// The name it is found by.
  public let name: String
  /// The version of the objective.
  public let version: String
  /// A summary in one sentence.
  public let summary: String
  /// Paper and equation; empty if not given.
  public let citation: String
  /// Paragraphs that follow the summary; empty if there are none.
  public let documentation: String
  /// The expression that the name stands for.
  public let expression: ObjectiveExpression
  /// The file it comes from.
  public let library: String

  init(_ declared: losskit_objective, library: String) throws {
    let outer = DescriptorReader(place: library)
    name = try outer.componentName(declared.name)
    let reader = outer.within("objective '\(name)'")
    version = try reader.text(declared.version, "version")
    summary = try reader.text(declared.summary, "summary")
    citation = try reader.optionalText(declared.citation, "citation") ?? ""
    documentation = try reader.optionalText(declared.documentation, "documentation") ?? ""
    do {
      expression = try ObjectiveExpression(parsing: reader.text(declared.expression, "expression"))
    } catch {
      throw reader.failure("\(error)")
    }
    self.library = library
  }
}
