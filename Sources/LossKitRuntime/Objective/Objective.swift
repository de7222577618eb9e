import CLossKit
public import LossKit
import Synchronization

/// An objective to train a policy on: Σ wᵢ · lossᵢ over one reward parameterization, with every hyperparameter bound.
///
/// It is immutable, and any number of threads may use it at once; the caller keeps the state.
public final class Objective: Sendable {
  /// A component with the values of its hyperparameters.
  public struct Part: Sendable {
    /// The loss or the reward.
    public let component: LoadedComponent
    /// The values of its hyperparameters, in declared order.
    public let values: [Double]
  }

  /// A loss and its weight.
  public struct Term: Sendable {
    /// The factor on the loss.
    public let weight: Double
    /// The loss.
    public let loss: Part
  }

  /// The summands.
  public let terms: [Term]
  /// The parameterization of all terms; nil if no term reads a reward and no metric reports one.
  public let reward: Part?
  /// The columns that `evaluate` reads: those declared columns that these hyperparameters use.
  public let columns: [Column]
  /// The initial state of all terms, which they carry from step to step.
  public let initialState: [Double]
  /// Whether a prompt's loss depends only on that prompt, so that a batch may be split.
  public let isRowwise: Bool
  /// How many responses a prompt may have.
  public let responses: ClosedRange<Int>
  /// The least number of references a batch must have.
  public let referenceCount: Int
  /// The fused program; nil if a plugin exports no formula, and the chain of its functions is called instead.
  let fused: GraphEvaluator?
  let chain: ObjectiveChain
  private let cachedHash = Mutex<String?>(nil)

  /// Resolves an objective's text, such as `cal-dpo(beta=0.01) + 0.2*sft(per=token) @ log-ratio`.
  ///
  /// `settings` set further hyperparameters, `reward` names the parameterization if the text does not. Throws for a
  /// text that does not parse, unknown names, values out of bounds, and parts that do not fit together.
  public convenience init(
    _ text: String, settings: [Setting] = [], reward: String? = nil, in registry: PluginRegistry
  ) throws {
    let parts = try ObjectiveResolution(text, settings: settings, reward: reward, in: registry)
    let composition = try ObjectiveComposition(terms: parts.terms, reward: parts.reward)
    try composition.checkZero()
    self.init(composition)
  }

  convenience init(terms: [Term], reward: Part?, isFused: Bool = true) throws {
    self.init(try ObjectiveComposition(terms: terms, reward: reward, isFused: isFused))
  }

  private init(_ composition: ObjectiveComposition) {
    terms = composition.terms
    reward = composition.reward
    initialState = terms.flatMap(\.loss.component.initialState)
    isRowwise = composition.isRowwise
    responses = composition.responses
    referenceCount = composition.referenceCount
    columns = composition.columns
    chain = ObjectiveChain(terms: terms, reward: reward, columns: composition.columns)
    fused = composition.evaluator(stateCount: initialState.count)
  }

  /// The same objective, evaluated with its parts' own functions: the unfused counterpart.
  public func unfused() throws -> Objective { try Objective(terms: terms, reward: reward, isFused: false) }

  /// Whether it runs as one fused program.
  public var isFused: Bool { fused != nil }
  /// Whether it reads a reference's log-probabilities.
  public var needsReference: Bool { columns.contains { $0.isPerReference && !$0.isOptional } }
  /// Whether a gradient is a finite difference, not exact.
  public var hasNumericGradient: Bool {
    terms.contains { $0.loss.component.hasNumericGradient } || reward?.component.hasNumericGradient ?? false
  }

  /// The factor by which metrics scale the reward: the first term's β, or 1.
  public var rewardScale: Double {
    for term in terms {
      if let index = term.loss.component.parameters.firstIndex(where: \.isRewardScale) {
        return term.loss.values[index]
      }
    }
    return 1
  }

  /// The resolved text: every name and value in use.
  public var description: String {
    let sum = terms.map { term in
      term.weight == 1 ? term.loss.description : "\(roundTripDecimal(term.weight))*\(term.loss.description)"
    }
    return sum.joined(separator: " + ") + (reward.map { " @ \($0.description)" } ?? "")
  }

  /// The SHA-256 sum of what is computed, in hexadecimal digits: objectives with equal hashes have equal losses,
  /// rewards, gradients and states.
  ///
  /// A part with a formula enters by the formula with its values, whatever its name and whichever library or text it
  /// comes from; a part without one by its library's content, or that of a manifest and the library of its function. A
  /// function of the running program with user data has a new hash each time it is registered.
  public var hash: String {
    cachedHash.withLock { known in
      let hash = known ?? ObjectiveIdentity(self).hash
      known = hash
      return hash
    }
  }
}

extension Objective.Part: CustomStringConvertible {
  /// The component's name, or its formula as given, and the values of all its hyperparameters.
  public var description: String {
    let name = component.text.map { "{\($0)}" } ?? component.name
    if component.parameters.isEmpty { return name }
    let values = zip(component.parameters, values).map { "\($0.name)=\($0.format($1))" }
    return "\(name)(\(values.joined(separator: ", ")))"
  }
}
