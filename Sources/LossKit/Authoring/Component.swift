/// A number that a loss keeps from call to call: as a formula it is the value before; what the loss leaves in it is the value after.
public struct State<Root>: Sendable {
  let name: String
  let get: @Sendable (Root) -> Formula
  let setSymbol: @Sendable (inout Root) -> Void

  /// A state under a name; its initial value is the property's default, a constant.
  public init(_ name: String, _ path: any WritableKeyPath<Root, Formula> & Sendable) {
    self.name = name
    get = { $0[keyPath: path] }
    setSymbol = { $0[keyPath: path] = Formula(.state(name)) }
  }
}

/// What losses and reward parameterizations have in common. Conform to one of the protocols below it.
public protocol Component: Sendable {
  /// The component with its default hyperparameters.
  init()
  /// The name, in kebab case, by which programs find the component. A name never changes its meaning.
  static var name: String { get }
  /// The version of the component, apart from that of LossKit.
  static var version: String { get }
  /// A summary in one sentence.
  static var summary: String { get }
  /// The paper and the equation.
  static var citation: String { get }
  /// More than the summary, in paragraphs. Those that begin with "Published:" (which values, where), "Neighbors:" (relations to others),
  /// "Elsewhere:" (other libraries' variants of the name), and "Verified against" or "Unverified:" are shown under heads of their own.
  static var documentation: String { get }
  /// The hyperparameters.
  static var hyperparameters: [Hyperparameter<Self>] { get }
  /// The numbers that are kept from call to call.
  static var state: [State<Self>] { get }
  /// The parameterization a loss uses, and metrics report, where the objective names none; nil: it has no reward.
  static var defaultReward: String? { get }
  /// How it is traced; given by the protocol conformed to.
  static var form: ComponentForm<Self> { get }
}

extension Component {
  /// Version 1.
  public static var version: String { "1" }
  /// No summary.
  public static var summary: String { "" }
  /// No citation.
  public static var citation: String { "" }
  /// No more than the summary.
  public static var documentation: String { "" }
  /// Nothing to set.
  public static var hyperparameters: [Hyperparameter<Self>] { [] }
  /// Nothing kept.
  public static var state: [State<Self>] { [] }
  /// The log-ratio, log π − log π_ref.
  public static var defaultReward: String? { "log-ratio" }
}

/// The shape of a component: what it is and how its formula is made.
public struct ComponentForm<C>: Sendable {
  let kind: ComponentKind
  let rows: Column.Extent
  let responses: ClosedRange<Int>
  let isUnpaired: Bool
  /// The formulas of all outputs, for K responses and R references.
  let trace: @Sendable (inout C, _ responses: Int, _ references: Int) -> [Formula]

  init(
    kind: ComponentKind, rows: Column.Extent = .prompt, responses: ClosedRange<Int>, isUnpaired: Bool = false,
    trace: @escaping @Sendable (inout C, Int, Int) -> [Formula]
  ) {
    self.kind = kind
    self.rows = rows
    self.responses = responses
    self.isUnpaired = isUnpaired
    self.trace = trace
  }
}

/// What a component computes, as the ABI numbers it.
package enum ComponentKind: UInt32, Sendable { case loss = 1, reward = 2 }

/// A loss of a chosen and a rejected response.
public protocol PairwiseLoss: Component {
  /// The loss of one pair.
  mutating func loss(_ pair: Pair) -> Formula
}

/// A loss of a prompt's responses, best first; it may have any number of them.
public protocol ListwiseLoss: Component {
  /// The loss of one prompt.
  mutating func loss(_ ranking: Ranking) -> Formula
  /// How many responses a prompt may have.
  static var responseCounts: ClosedRange<Int> { get }
}

/// A loss of one response with a label: desirable (1) or not (0).
public protocol UnpairedLoss: Component {
  /// The loss of one response.
  mutating func loss(_ response: Response) -> Formula
}

/// The implicit reward of a response, unscaled; `response.group` are its partners.
public protocol RewardParameterization: Component {
  /// The reward of one response; it may not use the batch, nor state.
  func reward(_ response: Response) -> Formula
  /// How many responses a prompt may have; fewer than any where a reward looks at its partners.
  static var responseCounts: ClosedRange<Int> { get }
}

/// An implicit reward that is a sum over a response's tokens.
public protocol TokenwiseReward: Component {
  /// What one token adds; it may not use the batch, nor state.
  func reward(_ token: Token) -> Formula
}

extension PairwiseLoss {
  /// A loss per prompt, of two responses.
  public static var form: ComponentForm<Self> {
    ComponentForm(kind: .loss, responses: 2...2) { component, _, references in
      [component.loss(Pair(referenceCount: references))]
    }
  }
}

extension ListwiseLoss {
  /// Two or more.
  public static var responseCounts: ClosedRange<Int> { 2...Int.max }
  /// A loss per prompt.
  public static var form: ComponentForm<Self> {
    ComponentForm(kind: .loss, responses: responseCounts) { component, responses, references in
      [component.loss(Ranking(count: responses, referenceCount: references))]
    }
  }
}

extension UnpairedLoss {
  /// A loss per prompt, of one response.
  public static var form: ComponentForm<Self> {
    ComponentForm(kind: .loss, responses: 1...1, isUnpaired: true) { component, responses, references in
      [component.loss(Response(index: 0, count: responses, referenceCount: references))]
    }
  }
}

extension RewardParameterization {
  /// One or more.
  public static var responseCounts: ClosedRange<Int> { 1...Int.max }
  /// A reward per response.
  public static var form: ComponentForm<Self> {
    ComponentForm(kind: .reward, responses: responseCounts) { component, responses, references in
      Ranking(count: responses, referenceCount: references).map { component.reward($0) }
    }
  }
}

extension TokenwiseReward {
  /// A reward per token, summed.
  public static var form: ComponentForm<Self> {
    ComponentForm(kind: .reward, rows: .token, responses: 1...Int.max) { component, _, references in
      [component.reward(Token(referenceCount: references))]
    }
  }
}
