import LossKit

/// A column in a formula's text: `chosen.reward`, `response.reference_logp[1]`, `token.index`.
struct FormulaColumn: Sendable, Hashable {
  /// What the column belongs to.
  enum Place: Sendable, Hashable {
    /// The responses of a pair.
    case chosen, rejected
    /// The only response of an unpaired loss or of a reward.
    case response
    /// The response of a rank, 0 the best.
    case rank(Int)
    /// A token of a reward's response.
    case token

    /// The place as it is written.
    var text: String {
      switch self {
      case .chosen: "chosen"
      case .rejected: "rejected"
      case .response: "response"
      case .rank(let rank): "responses[\(rank)]"
      case .token: "token"
      }
    }
  }

  /// The numbers of a token that are not columns.
  enum TokenNumber: String, Sendable, CaseIterable {
    case index, count, shortest
    case randomRank = "random_rank"
  }

  let place: Place
  let source: Source
  let reference: Int

  /// What is read of a place.
  enum Source: Sendable, Hashable {
    case column(Column)
    case token(TokenNumber)
  }

  /// The words that columns begin with.
  static let places = ["chosen", "rejected", "response", "responses", "token"]

  /// The columns that policies, data and trainers supply, by their names in the plugin ABI.
  static let known: [Column] = [
    .reward, .logProbability, .referenceLogProbability, .tokenCount, .score, .label, .tokenLogProbability,
    .referenceTokenLogProbability, Column("mismatched_reward", differentiable: true),
    Column("policy_kl", differentiable: true), Column("policy_log_collision"), Column("advantage"),
    Column("win_probability"), Column("desirable_probability"),
  ]

  /// The symbol, for K responses; `response` is the one of rank `index`.
  func formula(responses: Int, index: Int) -> Formula {
    switch source {
    case .token(.index): return .tokenIndex
    case .token(.count): return .tokenCount
    case .token(.shortest): return .tokenShortest
    case .token(.randomRank): return .tokenRandomRank(stream: 0)
    case .column(let column):
      let rank =
        switch place {
        case .chosen, .token: 0
        case .rejected: 1
        case .response: index
        case .rank(let rank): rank
        }
      return .input(column, slot: place == .token ? reference : reference * responses + rank)
    }
  }
}
