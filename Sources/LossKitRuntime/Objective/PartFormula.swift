import LossKit

/// A part of an objective with its formula, and what follows from that at the values in use.
///
/// Of a part that exports no formula, what it declares counts. What it declares holds for all values; at the values in use more may
/// hold.
struct PartFormula {
  let part: Objective.Part
  /// The formula in which hyperparameters are symbols; nil where the part exports none.
  private let symbolic: Graph?
  /// The formula at the values in use.
  let inUse: Graph?

  /// Traces the part for K responses and R references.
  init(_ part: Objective.Part, responses: Int, references: Int) throws {
    self.part = part
    symbolic = try part.component.formula(responses: responses, references: references, values: part.values)
    inUse = symbolic?.bound(to: part.values)
  }

  private var columns: [Column] { part.component.inputs }

  /// The columns that are read, by index: at the values in use, or at any; nil where only the declaration tells.
  func columnsRead(inUse: Bool) -> Set<Int>? {
    (inUse ? self.inUse : symbolic).map { graph in
      Set(graph.inputs(of: graph.outputs + graph.stateOutputs).map(\.column))
    }
  }

  /// Whether a prompt's output depends on that prompt alone.
  var isRowwise: Bool { inUse?.isRowwise ?? part.component.isRowwise }

  /// How many references it reads.
  var referencesRead: Int {
    inUse?.referencesRead(columns: columns) ?? part.component.references.lowerBound
  }

  /// Whether a loss changes where a constant is added to all rewards of a prompt.
  var looksAtAbsoluteRewards: Bool {
    guard columns.contains(where: { $0.name.hasSuffix(Column.reward.name) }) else { return false }
    let reward = columns.firstIndex { $0.name == Column.reward.name }
    return !part.component.isShiftInvariant && inUse?.isShiftInvariant(reward: reward) != true
  }

  /// Whether a reward is 0 where the policy equals all references.
  var isZeroAtReference: Bool {
    part.component.isZeroAtReference || inUse?.isZeroAtReference(columns: columns) == true
  }

  /// Whether a reward's zero means the same for every prompt.
  var hasMeaningfulZero: Bool {
    part.component.isZeroAtReference || inUse?.hasMeaningfulZero(columns: columns) == true
  }
}
