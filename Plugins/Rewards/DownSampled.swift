import LossKit

/// SamPO's reward: the log-ratio over a random sample of tokens, as many as the shortest response has. Lu et al., arXiv:2406.10957.
struct DownSampled: TokenwiseReward {
  static let name = "down-sampled"
  static let summary = "The log-ratio over random tokens of a response, as many as the shortest response has."
  static let citation =
    "Lu et al., Eliminating Biased Length Reliance of DPO via Down-Sampled KL Divergence, EMNLP 2024, arXiv:2406.10957"
  static let documentation = """
    Of a response longer than the shortest to the same prompt, as many tokens as that has are drawn without \
    replacement, from the call's seed; the others have no reward and no gradient. Policy and reference share the \
    tokens, so the reward is 0 at the reference. It depends on the seed and on the place in the batch.

    Neighbors: Over responses of equal length it is `log-ratio`; `length-desensitized` weighs the tokens beyond the \
    shorter one's length; `sampo` is `dpo` over it.

    Elsewhere: The authors' code draws for policy and reference apart, which adds noise to the log-ratio even where \
    the two are equal.

    Verified against its definition, over many draws. Unverified: the authors' code (LuJunru/SamPO) draws without a \
    seed, and there is no record of a draw.
    """

  func reward(_ token: Token) -> Formula {
    select(token.shortest - token.randomRank(), 1, 0) * (token.logProbability - token.referenceLogProbability)
  }
}

/// SamPO.
private let objectives = [
  NamedObjective(
    "sampo", "dpo @ down-sampled",
    summary: "SamPO: DPO whose rewards count equally many tokens of both responses, drawn at random.",
    citation:
      "Lu et al., Eliminating Biased Length Reliance of DPO via Down-Sampled KL Divergence, EMNLP 2024, arXiv:2406.10957",
    documentation: """
      Of both responses as many tokens count as the shorter one has, drawn at random; see `down-sampled`.

      Published: β 0.1.

      Neighbors: For responses of equal length it is `dpo`; `ld-dpo` weighs the tokens beyond the shorter response.

      Elsewhere: The authors' code (LuJunru/SamPO) draws for policy and reference apart.

      Verified against its definition, over many draws. Unverified: there is no record of the authors' draws.
      """)
]

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(DownSampled.self, objectives: objectives, error: error)
}
