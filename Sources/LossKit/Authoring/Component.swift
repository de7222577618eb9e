/// A number that a loss keeps between calls. In the formula it has its value before the call; the loss assigns its value after the call.
public struct State<Root>: Sendable {
  let name: String
  let get: @Sendable (Root) -> Formula
  let setSymbol: @Sendable (inout Root) -> Void

  /// Creates a state with a name; the property's default, a constant, is its initial value.
  public init(_ name: String, _ path: any WritableKeyPath<Root, Formula> & Sendable) {
    self.name = name
    get = { $0[keyPath: path] }
    setSymbol = { $0[keyPath: path] = Formula(.state(name)) }
  }
}

/// The requirements that losses and reward parameterizations share. Conform to one of the protocols that refine it.
public protocol Component: Sendable {
  /// The component with its default hyperparameters.
  init()
  /// The name by which programs find the component, in kebab case. Its meaning never changes.
  static var name: String { get }
  /// The version of the component, independent of LossKit's.
  static var version: String { get }
  /// A one-sentence summary.
  static var summary: String { get }
  /// The paper and the equation.
  static var citation: String { get }
  /// Further documentation, in paragraphs. Paragraphs that begin with "Published:" (published values and their source), "Neighbors:"
  /// (related methods), "Elsewhere:" (variants under the same name in other libraries), and "Verified against" or "Unverified:" appear
  /// under separate headings.
  static var documentation: String { get }
  /// The hyperparameters.
  static var hyperparameters: [Hyperparameter<Self>] { get }
  /// The numbers that are kept between calls.
  static var state: [State<Self>] { get }
  /// The reward parameterization that the loss uses and metrics report if the objective names none; nil for a loss without a reward.
  static var defaultReward: String? { get }
  /// How the component is traced; provided by the protocol that the component conforms to.
  static var form: ComponentForm<Self> { get }
}

extension Component {
  /// The default, "1".
  public static var version: String { "1" }
  /// The default, an empty summary.
  public static var summary: String { "" }
  /// The default, an empty citation.
  public static var citation: String { "" }
  /// The default, no further documentation.
  public static var documentation: String { "" }
  /// The default, no hyperparameters.
  public static var hyperparameters: [Hyperparameter<Self>] { [] }
  /// The default, no state.
  public static var state: [State<Self>] { [] }
  /// The default, the log-ratio log π − log π_ref.
  public static var defaultReward: String? { "log-ratio" }
}

/// The form of a component: its kind and how its formula is traced.
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

/// The kind of a component, as numbered by the ABI.
package enum ComponentKind: UInt32, Sendable { case loss = 1, reward = 2 }

/// A loss of a pair of a chosen and a rejected response.
public protocol PairwiseLoss: Component {
  /// The loss of one pair.
  mutating func loss(_ pair: Pair) -> Formula
}

/// A loss of any number of responses to a prompt, best first.
public protocol ListwiseLoss: Component {
  /// The loss of one prompt.
  mutating func loss(_ ranking: Ranking) -> Formula
  /// The number of responses that a prompt may have.
  static var responseCounts: ClosedRange<Int> { get }
}

/// A loss of one response with a label: desirable (1) or undesirable (0).
public protocol UnpairedLoss: Component {
  /// The loss of one response.
  mutating func loss(_ response: Response) -> Formula
}

/// The implicit reward of a response, before scaling; `response.group` holds all responses to the prompt.
public protocol RewardParameterization: Component {
  /// The reward of one response. It cannot read the batch or state.
  func reward(_ response: Response) -> Formula
  /// The number of responses that a prompt may have; limited only if a reward reads the other responses.
  static var responseCounts: ClosedRange<Int> { get }
}

/// An implicit reward that is a sum over the tokens of a response.
public protocol TokenwiseReward: Component {
  /// The contribution of one token. It cannot read the batch or state.
  func reward(_ token: Token) -> Formula
}

extension PairwiseLoss {
  /// The form of a loss per prompt with two responses.
  public static var form: ComponentForm<Self> {
    ComponentForm(kind: .loss, responses: 2...2) { component, _, references in
      [component.loss(Pair(referenceCount: references))]
    }
  }
}

extension ListwiseLoss {
  /// The default, two or more.
  public static var responseCounts: ClosedRange<Int> { 2...Int.max }
  /// The form of a loss per prompt.
  public static var form: ComponentForm<Self> {
    ComponentForm(kind: .loss, responses: responseCounts) { component, responses, references in
      [component.loss(Ranking(count: responses, referenceCount: references))]
    }
  }
}

extension UnpairedLoss {
  /// The form of a loss per prompt with one response.
  public static var form: ComponentForm<Self> {
    ComponentForm(kind: .loss, responses: 1...1, isUnpaired: true) { component, responses, references in
      [component.loss(Response(index: 0, count: responses, referenceCount: references))]
    }
  }
}

extension RewardParameterization {
  /// The default, one or more.
  public static var responseCounts: ClosedRange<Int> { 1...Int.max }
  /// The form of a reward per response.
  public static var form: ComponentForm<Self> {
    ComponentForm(kind: .reward, responses: responseCounts) { component, responses, references in
      Ranking(count: responses, referenceCount: references).map { component.reward($0) }
    }
  }
}

extension TokenwiseReward {
  /// The form of a reward that is summed over tokens.
  public static var form: ComponentForm<Self> {
    ComponentForm(kind: .reward, rows: .token, responses: 1...Int.max) { component, _, references in
      [component.reward(Token(referenceCount: references))]
    }
  }
}
