/// One response to a prompt, with its columns as symbols.
public struct Response: Sendable {
  /// Its rank; 0 is the best.
  public let index: Int
  /// The number of responses to its prompt.
  public let count: Int
  /// The number of references.
  public let referenceCount: Int

  /// The implicit reward, before scaling.
  public var reward: Formula { self[.reward] }
  /// The policy's log-probability, in nats.
  public var logProbability: Formula { self[.logProbability] }
  /// The number of tokens, including the end token.
  public var tokenCount: Formula { self[.tokenCount] }
  /// The score; higher is better.
  public var score: Formula { self[.score] }
  /// 1 for a desirable response, 0 for an undesirable one.
  public var label: Formula { self[.label] }
  /// The first reference's log-probability, in nats.
  public var referenceLogProbability: Formula { reference(0) }

  /// A reference policy's log-probability, in nats.
  public func reference(_ reference: Int) -> Formula {
    Formula(.input(.referenceLogProbability, slot: reference * count + index))
  }

  /// The log-probabilities of all references, in nats.
  public var references: [Formula] { (0..<referenceCount).map(reference) }

  /// A column of this response (of its first reference if the column is per reference), or of its prompt.
  public subscript(_ column: Column) -> Formula {
    Formula(.input(column, slot: column.extent == .prompt ? 0 : index))
  }

  /// All responses to the prompt, including this one.
  public var group: Ranking { Ranking(count: count, referenceCount: referenceCount) }
}

/// The responses of a prompt, best first.
public struct Ranking: RandomAccessCollection, Sendable {
  /// The number of responses.
  public let count: Int
  let referenceCount: Int
  /// The rank of the best response, 0.
  public var startIndex: Int { 0 }
  /// The number of responses.
  public var endIndex: Int { count }
  /// The response of a rank.
  public subscript(_ rank: Int) -> Response { Response(index: rank, count: count, referenceCount: referenceCount) }
}

/// A chosen and a rejected response to one prompt.
public struct Pair: Sendable {
  let referenceCount: Int
  /// The preferred response.
  public var chosen: Response { Response(index: 0, count: 2, referenceCount: referenceCount) }
  /// The other response.
  public var rejected: Response { Response(index: 1, count: 2, referenceCount: referenceCount) }
}

/// One token of a response, with its columns as symbols.
public struct Token: Sendable {
  /// The number of references.
  public let referenceCount: Int
  /// The policy's log-probability, in nats.
  public var logProbability: Formula { self[.tokenLogProbability] }
  /// The first reference's log-probability, in nats.
  public var referenceLogProbability: Formula { reference(0) }
  /// A reference policy's log-probability, in nats.
  public func reference(_ reference: Int) -> Formula {
    Formula(.input(.referenceTokenLogProbability, slot: reference))
  }
  /// A per-token column.
  public subscript(_ column: Column) -> Formula { Formula(.input(column, slot: 0)) }
  /// The index in the response, from 0.
  public var index: Formula { .tokenIndex }
  /// The number of tokens of the response.
  public var count: Formula { .tokenCount }
  /// The number of tokens of the shortest response to the same prompt.
  public var shortest: Formula { .tokenShortest }
  /// The index, from 0, of the token in a random order of the response's tokens, from the call's seed; all orders are equally likely.
  ///
  /// The tokens of rank below n are n tokens drawn without replacement. The order is that of `Formula.uniform` of the same stream.
  public func randomRank(stream: UInt32 = 0) -> Formula { .tokenRandomRank(stream: stream) }
}
