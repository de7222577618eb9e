import LossKit

/// A part of an objective with its formula, and the properties that follow from it for the values in use.
///
/// For a part that exports no formula, the declared properties count. Declared properties hold for all values; for the
/// values in use, more may hold.
struct PartFormula {
  let part: Objective.Part
  /// The formula with hyperparameters as symbols; nil if the part exports none.
  private let symbolic: Graph?
  /// The formula for the values in use.
  let inUse: Graph?

  /// Traces the part for K responses and R references.
  init(_ part: Objective.Part, responses: Int, references: Int) throws {
    self.part = part
    symbolic = try part.component.formula(responses: responses, references: references, values: part.values)
    inUse = symbolic?.bound(to: part.values)
  }

  private var columns: [Column] { part.component.inputs }

  /// The indices of the columns that are read, for the values in use or for any; nil if only the declaration is known.
  func columnsRead(inUse: Bool) -> Set<Int>? {
    (inUse ? self.inUse : symbolic).map { graph in
      Set(graph.inputs(of: graph.outputs + graph.stateOutputs).map(\.column))
    }
  }

  /// Whether a prompt's output depends only on that prompt.
  var isRowwise: Bool { inUse?.isRowwise ?? part.component.isRowwise }

  /// How many references it reads.
  var referencesRead: Int {
    inUse?.referencesRead(columns: columns) ?? part.component.references.lowerBound
  }

  /// Whether a loss changes if a constant is added to all rewards of a prompt.
  var looksAtAbsoluteRewards: Bool {
    guard columns.contains(where: { $0.name.hasSuffix(Column.reward.name) }) else { return false }
    let reward = columns.firstIndex { $0.name == Column.reward.name }
    return !part.component.isShiftInvariant && inUse?.isShiftInvariant(reward: reward) != true
  }

  /// Whether a reward is 0 if the policy equals all references.
  var isZeroAtReference: Bool {
    part.component.isZeroAtReference || inUse?.isZeroAtReference(columns: columns) == true
  }

  /// Whether a reward's zero has the same meaning for every prompt.
  var hasMeaningfulZero: Bool {
    part.component.isZeroAtReference || inUse?.hasMeaningfulZero(columns: columns) == true
  }
}
