import LossKit

/// LD-DPO's reward: the log-ratio with a lower weight for tokens beyond the shorter response. Liu et al., arXiv:2409.06411, Eq. 11.
struct LengthDesensitized: TokenwiseReward {
  static let name = "length-desensitized"
  static let summary = "The log-ratio, in which tokens beyond the length of the shorter response weigh α."
  static let citation =
    "Liu et al., Length Desensitization in Direct Preference Optimization, arXiv:2409.06411, Eqs. 11-12"
  static let documentation = """
    Policy and reference share the weights.

    Published: The best α is 0.3 for Llama-2-13B, 0.5 Llama-3-8B, 0.6 Qwen-2-7B, 0.1 to 0.2 less for base models.

    Neighbors: α = 1 is `log-ratio`; `ld-dpo` is `dpo` over it.

    Elsewhere: TRL's ld_alpha; TRL 0.20 to 0.28 counts the positions from the start of the prompt and applies it to \
    the policy alone, as LLaMA-Factory does.

    Verified against TRL 1.16. Unverified: there is no code by the authors.
    """
  static let hyperparameters = [
    Hyperparameter(
      "alpha", \Self.alpha, in: .closed(0, 1), symbol: "\\alpha", "weight of the tokens beyond the shorter response")
  ]
  var alpha: Formula = 0.5

  func reward(_ token: Token) -> Formula {
    select(token.shortest - token.index, 1, alpha) * (token.logProbability - token.referenceLogProbability)
  }
}

/// LD-DPO.
private let objectives = [
  NamedObjective(
    "ld-dpo", "dpo @ length-desensitized",
    summary: "LD-DPO: DPO whose rewards count the tokens beyond the shorter response less.",
    citation: "Liu et al., Length Desensitization in Direct Preference Optimization, arXiv:2409.06411",
    documentation: """
      Tokens beyond the shorter response weigh α.

      Published: α 0.3 to 0.6 by model, see `length-desensitized`.

      Neighbors: With alpha=1 it is `dpo`.

      Elsewhere: TRL's ld_alpha, right from 0.29 on.

      Verified against TRL 1.16. Unverified: there is no code by the authors.
      """)
]

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(LengthDesensitized.self, objectives: objectives, error: error)
}
