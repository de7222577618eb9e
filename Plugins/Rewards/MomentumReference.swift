import LossKit

/// The log-ratio to a reference extrapolated from two iterates of the policy. He et al., arXiv:2410.06293, Eq. 3.7.
struct MomentumReference: RewardParameterization {
  static let name = "momentum-reference"
  static let summary =
    "The log-ratio to a reference extrapolated from the last two iterates: (1+a) log π_t − a log π_(t−1)."
  static let citation = "He et al., Accelerated Preference Optimization, arXiv:2410.06293, Eq. 3.7"
  static let documentation = """
    log π − (1+a) log π̂_t + a log π̂_(t−1); the first reference is the newest iterate, the second the one before. The \
    extrapolated policy is not normalized, and its constant per prompt cancels in pairs alone: losses that look at \
    absolute rewards are refused over it.

    Published: A 0.3.

    Neighbors: With momentum 0 it is the `log-ratio` to the newest iterate; `apo-momentum` is `dpo` over it.

    Elsewhere: In practice the authors extrapolate the parameters instead, which approximates this. No code was found.

    Verified against a closed form, and against the policy of the paper's Theorem 4.1. Unverified: there is no code by \
    the authors.
    """
  static let hyperparameters = [
    Hyperparameter(
      "momentum", \Self.momentum, in: .halfOpen(0, 1), symbol: "\\alpha",
      "how far the reference is extrapolated; 0.3 in the paper")
  ]
  var momentum: Formula = 0.3

  func reward(_ response: Response) -> Formula {
    let (newest, previous) = (response.reference(0), response.reference(1))
    return response.logProbability - newest - momentum * (newest - previous)
  }
}

/// Accelerated preference optimization.
private let objectives = [
  NamedObjective(
    "apo-momentum", "dpo @ momentum-reference",
    summary: "Accelerated preference optimization: DPO against a reference extrapolated from the last two iterates.",
    citation: "He et al., Accelerated Preference Optimization, arXiv:2410.06293",
    documentation: """
      One step of the method: DPO whose reference is (1+a) times the newest iterate less a times the one before. Its \
      output is the last iterate before extrapolation.

      Published: β 0.01, 0.1 and 1.0 in the three iterations, a 0.3.

      Neighbors: With momentum=0 it is iterative `dpo`. Not to be confused with anchored preference optimization, \
      `apo-zero` and `apo-down`.

      Elsewhere: No code was found, by the authors or by others.

      Verified against the policy of the paper's Theorem 4.1. Unverified: there is no code by the authors.
      """)
]

/// The entry point that a host calls.
@c(losskit_plugin_entry_v1)
public func entry(_: Plugin.Host, error: Plugin.Problem) -> Plugin.Entry {
  Plugin.export(MomentumReference.self, objectives: objectives, error: error)
}
